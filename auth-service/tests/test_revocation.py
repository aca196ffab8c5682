"""Each end of access sets the bits of its tokens in the status lists, and no other bits (REVOCATION.md)."""

import asyncio
from collections.abc import Callable

import httpx2
import pytest

from auth_service.store.database import open_database

from .code_flow import Person, register_backend, sign_up
from .conftest import PASSWORD, Service
from .oauth_client import register
from .status_scene import Scene, is_revoked, make_scene, post, reference

ALL = {"web", "web elsewhere", "frontend", "other frontend", "offline"}


def give_back(scene: Scene, token: str, client_id: str, secret: str) -> None:
    """Revoke the token (RFC 7009)."""
    answer = httpx2.post(f"{scene.service.url}/oauth/revoke", data={"token": token}, auth=(client_id, secret))
    assert answer.status_code in (200, 401)
    if answer.status_code == 401:  # the client's registered method is the form
        form = {"token": token, "client_id": client_id, "client_secret": secret}
        assert httpx2.post(f"{scene.service.url}/oauth/revoke", data=form).status_code == 200


def reuse_refresh_token(scene: Scene) -> None:
    second = scene.frontend.refresh(scene.refresh_token).json()["refresh_token"]
    third = scene.frontend.refresh(second).json()["refresh_token"]
    assert scene.frontend.refresh(third).status_code == 200
    assert scene.frontend.refresh(scene.refresh_token).status_code == 400


def session_token(who: Person) -> str:
    token: str = who.browser.get("/get-session").json()["session"]["token"]
    return token


def change_password(scene: Scene) -> None:
    change = {"currentPassword": PASSWORD, "newPassword": "another-horse-2", "revokeOtherSessions": True}
    post(scene.elsewhere, "/change-password", **change)


def set_password(scene: Scene, *options: str) -> None:
    scene.command("users", "set-password", scene.person.account_id, *options, stdin="another-horse-2\n")


def log_out(scene: Scene) -> None:
    """Sign out at the client's request, and confirm it (OpenID Connect RP-Initiated Logout 1.0 §2)."""
    asked = scene.browser().open("/oauth/logout", id_token_hint=scene.id_token)
    assert "signed-out" in asked.press("signout-form", "sign-out").page.elements


def withdraw_consent(scene: Scene) -> None:
    """Withdraw a consent on the page that lists a person's consents."""
    client_id, browser = scene.frontend.client_id, scene.browser()
    browser.authorize(scene.frontend).allow()
    browser.open("/consent").press(f"withdraw-form-{client_id}", f"withdraw-{client_id}")


ENDS: dict[str, tuple[Callable[[Scene], None], set[str]]] = {
    "sign-out": (lambda scene: post(scene.person, "/sign-out"), {"web", "frontend", "other frontend"}),
    "RP-initiated logout": (log_out, {"web", "frontend", "other frontend"}),
    "revoke-session": (
        lambda scene: post(scene.elsewhere, "/revoke-session", token=session_token(scene.person)),
        ALL - {"web elsewhere"},
    ),
    "revoke-sessions": (lambda scene: post(scene.elsewhere, "/revoke-sessions"), ALL),
    "revoke-other-sessions": (lambda scene: post(scene.elsewhere, "/revoke-other-sessions"), ALL - {"web elsewhere"}),
    "password changed": (change_password, ALL),
    "password set by an operator": (set_password, ALL),
    "password set by an operator, sessions kept": (lambda scene: set_password(scene, "--keep-sessions"), set()),
    "account deleted": (lambda scene: post(scene.person, "/delete-user", password=PASSWORD), ALL),
    "access token given back": (
        lambda scene: give_back(scene, scene.tokens["frontend"], scene.frontend.client_id, scene.frontend.secret),
        {"frontend"},
    ),
    "refresh token given back": (
        lambda scene: give_back(scene, scene.refresh_token, scene.frontend.client_id, scene.frontend.secret),
        {"frontend"},
    ),
    "service's token given back": (
        lambda scene: give_back(scene, scene.tokens["service"], scene.robot.client_id, scene.robot.secret),
        {"service"},
    ),
    "refresh token reused": (reuse_refresh_token, {"frontend"}),
    "code reused": (lambda scene: scene.frontend.redeem(scene.code).close(), {"frontend"}),
    "suspended": (lambda scene: scene.command("users", "suspend", scene.person.account_id, "--yes"), ALL),
    "sessions revoked by an operator": (
        lambda scene: scene.command("users", "revoke-sessions", scene.person.account_id, "--yes"),
        ALL,
    ),
    "a session revoked by an operator": (
        lambda scene: scene.command("sessions", "revoke", scene.person.session_id),
        ALL - {"web elsewhere"},
    ),
    "deleted by an operator": (
        lambda scene: scene.command("users", "delete", scene.person.account_id, "--yes"),
        ALL,
    ),
    "consent withdrawn": (withdraw_consent, {"frontend", "offline"}),
    "consent withdrawn by an operator": (
        lambda scene: scene.command("consents", "withdraw", scene.person.account_id, scene.frontend.client_id, "--yes"),
        {"frontend", "offline"},
    ),
    "client deleted": (
        lambda scene: scene.command("clients", "delete", scene.frontend.client_id, "--yes"),
        {"frontend", "offline"},
    ),
    "client's secret rotated with --revoke": (
        lambda scene: scene.command("clients", "rotate-secret", scene.frontend.client_id, "--revoke", "--yes"),
        {"frontend", "offline"},
    ),
    "service deleted": (lambda scene: scene.command("clients", "delete", scene.robot.client_id, "--yes"), {"service"}),
    "service's secret rotated with --revoke": (
        lambda scene: scene.command("clients", "rotate-secret", scene.robot.client_id, "--revoke", "--yes"),
        {"service"},
    ),
}


@pytest.mark.parametrize("name", ENDS)
def test_what_ends_access_sets_the_bits_of_its_tokens_and_no_others(service: Service, name: str) -> None:
    """Tokens that are not revoked still work, such as those of the person's other frontends."""
    scene = make_scene(service)
    act, ended = ENDS[name]
    assert scene.revoked() == set()
    act(scene)
    assert scene.revoked() == ended


def test_a_session_that_expires_ends_its_tokens(service: Service) -> None:
    scene = make_scene(service)
    service.execute("UPDATE browser_sessions SET expires_at = '2026-01-01 00:00:00.000000'")

    async def expire() -> None:
        from auth_service.worker.expiry import delete_expired

        database = open_database(service.database_url)
        await delete_expired(database, now=service.clock())
        await database.close()

    asyncio.run(expire())
    assert scene.revoked() == ALL - {"offline"}


def test_a_service_that_was_revoked_gets_another_index_at_once(service: Service) -> None:
    """The new index is used although this process still has the client in its cache."""
    robot = register(service)
    before = robot.token().json()["access_token"]
    assert reference(robot.token().json()["access_token"]) == reference(before)
    service.command("clients", "rotate-secret", robot.client_id, "--overlap", "P1D", "--json")
    give = httpx2.post(f"{service.url}/oauth/revoke", data={"token": before}, auth=(robot.client_id, robot.secret))
    assert give.status_code == 200
    assert is_revoked(service, before)
    assert not is_revoked(service, robot.token().json()["access_token"])


def test_introspection_knows_before_the_list_does(service: Service) -> None:
    """The index decides: a token of an earlier grant stays revoked after a new grant of the same session and client."""
    person, backend = sign_up(service), register_backend(service)
    first = backend.tokens(person)
    form = {"client_id": backend.client_id, "client_secret": backend.secret}

    def is_active(token: str) -> bool:
        answer = httpx2.post(f"{service.url}/oauth/introspect", data={"token": token, **form})
        active: bool = answer.json()["active"]
        return active

    assert is_active(first["access_token"])
    httpx2.post(f"{service.url}/oauth/revoke", data={"token": first["refresh_token"], **form})
    second = backend.tokens(person)["access_token"]
    assert (is_active(first["access_token"]), is_active(second)) == (False, True)
