"""`--now`: a change of roles or groups ends the access tokens that were issued before; sessions and grants live on."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest

from .code_flow import sign_in
from .conftest import Service, Start
from .oauth_client import claims_of
from .registry import API
from .statements import before_each
from .status_scene import Scene, is_revoked, make_scene
from .test_lock_order import waits
from .test_roles import run
from .waiting import wait_until

EMAIL = "ann@example.com"
OF_ANN = {"web", "web elsewhere", "frontend", "other frontend", "offline"}


def declare(service: Service, *roles: str, **changes: Any) -> None:
    todos = run(service, "resources", "show", API)[0]
    declared = {"roles": dict.fromkeys(roles, "A role"), "groups": True, **changes}
    run(service, "resources", "update", API, "--yes", stdin={**todos, **declared})


def make(service: Service) -> Scene:
    """Ann and a service, both auditors, and a neighbour with a token of his own."""
    declare(service, "auditor", "writer")
    scene = make_scene(service)
    service.signed_up("bob@example.com")
    bob = sign_in(service, "bob@example.com")
    for who in (EMAIL, scene.robot.client_id):
        run(service, "roles", "grant", who, "auditor", "--resource", API)
    run(service, "groups", "create", "staff")
    run(service, "groups", "grant", EMAIL, "staff")
    scene.tokens["neighbour"] = bob.browser.get("/token").json()["token"]
    return scene


def refreshed(scene: Scene) -> dict[str, Any]:
    answer = scene.frontend.refresh(scene.refresh_token)
    assert answer.status_code == 200, answer.text
    scene.refresh_token, token = answer.json()["refresh_token"], answer.json()["access_token"]
    assert not is_revoked(scene.service, token)
    return claims_of(token)


def test_a_change_without_now_leaves_issued_tokens_alone(service: Service) -> None:
    scene = make(service)
    assert refreshed(scene)["roles"] == ["auditor"]
    run(service, "roles", "revoke", EMAIL, "auditor", "--resource", API)
    run(service, "groups", "revoke", EMAIL, "staff")
    assert scene.revoked() == set()
    assert not {"roles", "groups"} & refreshed(scene).keys()


@pytest.mark.parametrize(
    ("command", "left"),
    [
        (["roles", "revoke", EMAIL, "auditor", "--resource", API, "--now"], (None, ["staff"])),
        (["roles", "grant", EMAIL, "writer", "--resource", API, "--now"], (["auditor", "writer"], ["staff"])),
        (["groups", "revoke", EMAIL, "staff", "--now"], (["auditor"], None)),
        (["groups", "delete", "staff", "--yes", "--now"], (["auditor"], None)),
    ],
    ids=["revoke", "grant", "leave", "delete group"],
)
def test_with_now_all_tokens_of_the_account_end_and_its_sessions_and_grants_go_on(
    service: Service, command: list[str], left: tuple[Any, Any]
) -> None:
    scene = make(service)
    run(service, *command)
    assert scene.revoked() == OF_ANN
    assert scene.person.browser.get("/get-session").json()["user"]["email"] == EMAIL
    claims = refreshed(scene)
    assert (claims.get("roles"), claims.get("groups")) == left
    service.clock.advance(seconds=1)
    scene.tokens = {"web": scene.person.browser.get("/token").json()["token"]}
    assert scene.revoked() == set()


def test_with_now_the_tokens_of_a_service_end(service: Service) -> None:
    scene = make(service)
    assert claims_of(scene.robot.token(resource=API).json()["access_token"])["roles"] == ["auditor"]
    run(service, "roles", "revoke", scene.robot.client_id, "auditor", "--resource", API, "--now")
    assert scene.revoked() == {"service"}
    scene.tokens = {"service": scene.robot.token(resource=API).json()["access_token"]}
    assert "roles" not in claims_of(scene.tokens["service"])
    assert scene.revoked() == set()


def test_with_now_a_repeated_command_ends_them_too(service: Service) -> None:
    scene = make(service)
    run(service, "roles", "revoke", EMAIL, "auditor", "--resource", API)
    again = run(service, "roles", "revoke", EMAIL, "auditor", "--resource", API, "--now")
    assert again[0]["status"] == "unchanged"
    assert scene.revoked() == OF_ANN


def test_a_role_that_is_no_longer_declared_ends_the_tokens_of_all_who_had_it(service: Service) -> None:
    scene = make(service)
    declare(service, "auditor")
    assert scene.revoked() == set(), "nobody was a writer"
    declare(service)
    assert scene.revoked() == {*OF_ANN, "service"}
    declare(service, "auditor")
    assert "roles" not in refreshed(scene)


@dataclass
class Stop:
    """Stops a refresh before its statement of a given number, also before one that only reads."""

    number: int = 0
    reached: threading.Event = field(default_factory=threading.Event)
    released: threading.Event = field(default_factory=threading.Event)

    def arm(self, number: int) -> None:
        self.number = number
        self.reached.clear()
        self.released.clear()

    async def __call__(self, statement: str) -> None:
        if self.number and any(table in statement for table in ("refresh_token_families", "grants", "account_roles")):
            self.number -= 1
            if self.number == 0:
                self.reached.set()
                while not self.released.is_set():  # noqa: ASYNC110 - the event is set in another thread
                    await asyncio.sleep(0.001)


@pytest.fixture
def before() -> Iterator[Stop]:
    stopping = Stop()
    with before_each(stopping):
        yield stopping


def test_no_token_with_a_taken_role_outlives_the_command(start: Start, postgres_url: str, before: Stop) -> None:
    """A refresh is stopped before each of its statements, while the role is taken: its token lacks it, or is ended."""
    service = start(postgres_url)
    declare(service, "auditor")
    scene, number = make_scene(service), 1
    with (
        psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as watcher,
        ThreadPoolExecutor(2) as pool,
    ):
        while (token := refresh_around(scene, before, number, pool, watcher)) is not None:
            assert "roles" not in claims_of(token) or is_revoked(service, token), number
            number += 1
    assert number > 6, "the statements that find, rotate, and draw an index"


def refresh_around(
    scene: Scene, before: Stop, number: int, pool: ThreadPoolExecutor, watcher: psycopg.Connection[Any]
) -> str | None:
    """Refresh, and take the role just before statement `number`. Returns the token; None if there is no such one.

    The role is given with --now, so the grant has no index, and the refresh draws one.
    """
    change = ["roles", "revoke", EMAIL, "auditor", "--resource", API, "--now"]
    run(scene.service, "roles", "grant", *change[2:])
    before.arm(number)
    asked = pool.submit(scene.frontend.refresh, scene.refresh_token)
    wait_until(lambda: before.reached.is_set() or asked.done())
    was_stopped, before.number = before.reached.is_set(), 0
    taken = pool.submit(run, scene.service, *change)
    wait_until(lambda: taken.done() or (was_stopped and waits(watcher)))
    before.released.set()
    answer, _ = asked.result().json(), taken.result()
    scene.refresh_token = answer["refresh_token"]
    return answer["access_token"] if was_stopped else None
