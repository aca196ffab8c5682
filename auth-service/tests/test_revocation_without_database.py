"""A revocation while PostgreSQL is away is 503, never 200: nobody may believe that access has ended."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from .browser import Browser, signed_in
from .code_flow import Frontend, Person, live_grants, person_in, register_backend
from .conftest import PASSWORD, Service, serve
from .oauth_client import OAuthClient
from .postgres_server import made_database
from .test_introspect_and_revoke import REVOKE, introspect, own_token, register_robot, send

OFFLINE = "openid offline_access todos:read"


@dataclass
class Scene:
    service: Service
    browser: Browser
    person: Person
    client: Frontend
    robot: OAuthClient
    tokens: dict[str, Any]
    own_token: str
    signout: dict[str, str]
    withdraw: dict[str, str]
    handle: str

    def is_untouched(self) -> bool:
        sessions = self.service.rows("SELECT count(*) FROM browser_sessions")
        return (
            sessions == [(1,)] and live_grants(self.service) == 1 and introspect(self.robot, self.own_token)["active"]
        )


@pytest.fixture(scope="module")
def lone_service(postgres: str, postgres_template: str) -> Iterator[Service]:
    with made_database(postgres, template=postgres_template) as url:
        running = serve(url)
        yield running.service
        running.stop()


@pytest.fixture
def scene(lone_service: Service) -> Iterator[Scene]:
    service = lone_service
    service.empty()
    browser = signed_in(service)
    person = person_in(service.client(cookies=browser.client.cookies))
    client, robot = register_backend(service), register_robot(service)
    browser.authorize(client, scope=OFFLINE).allow()
    code = browser.answer["code"]
    tokens = client.redeem(code).json()
    form = browser.open("/consent").fields(f"withdraw-form-{client.client_id}")[1]
    signout = browser.open("/signout").fields("signout-form")[1]
    handle = person.browser.get("/get-session").json()["session"]["token"]
    withdraw_ours = {**form, "withdraw": client.client_id}
    yield Scene(service, browser, person, client, robot, tokens, own_token(robot), signout, withdraw_ours, handle)
    service.close_clients()


@contextmanager
def away(service: Service) -> Iterator[None]:
    """PostgreSQL ends all connections to the service's database, and accepts no other."""
    server, _, name = service.database_url.replace("+psycopg", "").rpartition("/")
    with psycopg.connect(f"{server}/postgres", autocommit=True) as admin:
        admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false".encode())
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,))
        try:
            yield
        finally:
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true".encode())


def at_better_auth(path: str, **body: Any) -> Callable[[Scene], int]:
    return lambda scene: scene.person.browser.post(path, json=body).status_code


CHANGE = {"currentPassword": PASSWORD, "newPassword": "another-horse-2", "revokeOtherSessions": True}
REVOCATIONS: dict[str, Callable[[Scene], int]] = {
    "a refresh token": lambda scene: send(REVOKE, scene.client, scene.tokens["refresh_token"]).status_code,
    "an access token": lambda scene: send(REVOKE, scene.client, scene.tokens["access_token"]).status_code,
    "a service's own token": lambda scene: send(REVOKE, scene.robot, scene.own_token).status_code,
    "sign-out": at_better_auth("/sign-out"),
    "revoke-session": lambda scene: at_better_auth("/revoke-session", token=scene.handle)(scene),
    "revoke-sessions": at_better_auth("/revoke-sessions"),
    "revoke-other-sessions": at_better_auth("/revoke-other-sessions"),
    "change-password": at_better_auth("/change-password", **CHANGE),
    "delete-user": at_better_auth("/delete-user", password=PASSWORD),
    "the page to sign out": lambda scene: scene.browser.client.post("/signout", data=scene.signout).status_code,
    "withdrawing a consent": lambda scene: scene.browser.client.post("/consent", data=scene.withdraw).status_code,
}


@pytest.mark.parametrize("revoke", REVOCATIONS.values(), ids=REVOCATIONS)
def test_a_revocation_that_is_not_stored_is_503(scene: Scene, revoke: Callable[[Scene], int]) -> None:
    with away(scene.service):
        assert revoke(scene) == 503
    assert scene.is_untouched()
    assert revoke(scene) in (200, 303), "the database is back"
    assert not scene.is_untouched() or revoke is REVOCATIONS["revoke-other-sessions"]


COMMANDS = {
    "users revoke-sessions": ("users", "revoke-sessions", "--yes"),
    "users suspend": ("users", "suspend", "--yes"),
    "users delete": ("users", "delete", "--yes"),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_a_command_that_revoked_nothing_fails(scene: Scene, command: tuple[str, ...]) -> None:
    with away(scene.service):
        done = scene.service.command(*command, scene.person.account_id)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert scene.is_untouched()
