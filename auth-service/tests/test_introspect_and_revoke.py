"""Introspection (RFC 7662) and revocation (RFC 7009)."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from .code_flow import API, Frontend, live_grants, register_backend, register_frontend, sign_up
from .conftest import ISSUER, Service, Start
from .oauth_client import OAuthClient, claims_of, register
from .statements import statements
from .status_scene import make_scene
from .waiting import wait_until

INTROSPECT, REVOKE = "/oauth/introspect", "/oauth/revoke"
INACTIVE = {"active": False}


def send(path: str, client: Frontend | OAuthClient, token: str | None, **parameters: Any) -> httpx2.Response:
    form: dict[str, Any] = {
        "client_id": client.client_id,
        **({"client_secret": client.secret} if client.secret else {}),
    }
    form |= {"token": token, **parameters}
    given = {name: value for name, value in form.items() if value is not None}
    return httpx2.post(f"{client.service.url}{path}", data=given)


def introspect(client: Frontend | OAuthClient, token: str, **parameters: Any) -> dict[str, Any]:
    response = send(INTROSPECT, client, token, **parameters)
    assert (response.status_code, response.headers["Cache-Control"]) == (200, "no-store"), response.text
    body: dict[str, Any] = response.json()
    return body


def register_robot(service: Service, **changes: Any) -> OAuthClient:
    return register(service, token_endpoint_auth_method="client_secret_post", **changes)


def own_token(robot: OAuthClient, **parameters: str) -> str:
    form = {"grant_type": "client_credentials", "client_id": robot.client_id, "client_secret": robot.secret}
    answer = httpx2.post(f"{robot.service.url}/oauth/token", data={**form, **parameters})
    token: str = answer.json()["access_token"]
    return token


def test_a_client_learns_what_its_access_token_says(service: Service) -> None:
    """RFC 7662 §2.2, RFC 9470 §6.2: the response has the token's claims, and `username` as userinfo would tell it."""
    person, backend = sign_up(service), register_backend(service)
    token = backend.tokens(person, claims='{"userinfo": {"email": null}}')["access_token"]
    told = introspect(backend, token)
    claims = claims_of(token)
    assert claims.pop("userinfo_claims") == ["email"]
    assert told == {"active": True, "token_type": "Bearer", **claims, "username": "ann@example.com"}
    refreshed = introspect(backend, backend.tokens(person)["refresh_token"])
    assert refreshed["username"] == "ann@example.com"
    assert "username" not in introspect(backend, backend.tokens(person, "openid email todos:read")["access_token"])
    assert claims["sub"] == person.account_id


def test_introspection_of_any_token_is_one_statement(service: Service) -> None:
    """It finds the token's holder and whether it is live. The client that asks is cached for five seconds."""
    service.clock.stop()
    scene = make_scene(service)
    shown = {**scene.tokens, "refresh token": scene.refresh_token}
    introspector = {name: scene.api if name in scene.tokens else scene.frontend for name in shown}
    for name, token in shown.items():
        assert introspect(introspector[name], token)["active"], name
        with statements() as seen:
            introspect(introspector[name], token)
        assert len(seen) == 1, (name, seen)


@pytest.mark.usefixtures("quick_reload")
def test_a_token_that_was_shown_before_is_inactive_after_its_time_or_its_key(start: Start, sqlite_url: str) -> None:
    """Its signature is remembered."""
    service = start(sqlite_url)
    robot = register_robot(service)
    token = own_token(robot)
    assert introspect(robot, token)["active"]
    service.clock.advance(minutes=6)
    assert introspect(robot, token) == INACTIVE
    token = own_token(robot)
    assert introspect(robot, token)["active"]
    assert service.command("keys", "rotate", "--emergency", "--yes").returncode == 0
    wait_until(lambda: introspect(robot, token) == INACTIVE)


def test_a_client_learns_of_its_refresh_token(service: Service) -> None:
    service.clock.stop()
    person, backend = sign_up(service), register_backend(service)
    token = backend.tokens(person, "openid offline_access")["refresh_token"]
    now = int(service.clock().timestamp())
    assert introspect(backend, token) == {
        "active": True, "iss": ISSUER, "sub": person.account_id, "client_id": backend.client_id, "aud": API,
        "scope": "openid offline_access", "iat": now, "exp": now + 30 * 86400, "sid": person.session_id,
        "auth_time": now - 300, "acr": "aal1",
    }  # fmt: skip
    online = introspect(backend, backend.tokens(person, "openid")["refresh_token"])
    assert online["exp"] == now + 7 * 86400, "an online refresh token expires with its session"


def test_a_service_learns_of_its_own_token(sqlite_service: Service) -> None:
    robot = register_robot(sqlite_service)
    token = own_token(robot)
    assert introspect(robot, token)["sub"] == robot.client_id


def test_a_resource_learns_of_the_tokens_that_are_meant_for_it(sqlite_service: Service) -> None:
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    resource = register_robot(sqlite_service, protected_resource=API)
    caller = register_robot(sqlite_service, default_resource=API)
    tokens = frontend.tokens(person)
    for token in (tokens["access_token"], person.browser.get("/token").json()["token"]):
        assert introspect(resource, token)["active"] is True
        assert introspect(caller, token) == INACTIVE, "a caller of the API is not the API"
    elsewhere = frontend.tokens(person, resource=ISSUER)["access_token"]
    assert introspect(resource, elsewhere) == INACTIVE
    assert introspect(resource, tokens["refresh_token"]) == INACTIVE


def test_what_is_none_of_its_business_a_client_does_not_learn(sqlite_service: Service) -> None:
    """RFC 7662 §2.2, §4: the answer is the same as for a text that never was a token."""
    person, backend = sign_up(sqlite_service), register_backend(sqlite_service)
    other = register_backend(sqlite_service)
    tokens = backend.tokens(person)
    for token in (tokens["access_token"], tokens["refresh_token"], tokens["id_token"], "x", "ä", "x" * 60_000):
        assert introspect(other, token) == INACTIVE
    assert introspect(backend, tokens["id_token"]) == INACTIVE
    for hint in ("access_token", "refresh_token", "device_code", ""):
        assert introspect(backend, tokens["access_token"], token_type_hint=hint)["active"] is True
        assert introspect(backend, tokens["refresh_token"], token_type_hint=hint)["active"] is True


ENDINGS: dict[str, Callable[[Service], Any]] = {
    "expired": lambda service: service.clock.advance(days=8),
    "ended": lambda service: service.execute("UPDATE grants SET ended_at = '2026-01-01 00:00:00'"),
    "signed out": lambda service: service.execute("DELETE FROM browser_sessions"),
    "suspended": lambda service: service.execute("UPDATE accounts SET suspended_at = '2026-01-01 00:00:00'"),
}


@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS)
def test_a_dead_token_is_not_active(sqlite_service: Service, end: Callable[[Service], Any]) -> None:
    person, backend = sign_up(sqlite_service), register_backend(sqlite_service)
    resource = register_robot(sqlite_service, protected_resource=API)
    tokens = backend.tokens(person)
    end(sqlite_service)
    for token in (tokens["access_token"], tokens["refresh_token"]):
        assert introspect(backend, token) == INACTIVE
    assert introspect(resource, tokens["access_token"]) == INACTIVE


def test_a_web_token_dies_with_its_session(sqlite_service: Service) -> None:
    person, resource = sign_up(sqlite_service), register_robot(sqlite_service, protected_resource=API)
    token = person.browser.get("/token").json()["token"]
    person.browser.post("/sign-out", json={})
    assert introspect(resource, token) == INACTIVE


def test_asking_about_a_spent_token_ends_nothing(sqlite_service: Service) -> None:
    person, backend = sign_up(sqlite_service), register_backend(sqlite_service)
    first = backend.tokens(person)["refresh_token"]
    second = backend.refresh(backend.refresh(first).json()["refresh_token"]).json()["refresh_token"]
    assert introspect(backend, first) == INACTIVE
    assert introspect(backend, second)["active"] is True


# The parameters, the status and the error, for both endpoints.
REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "no token": ({"token": None}, 400, "invalid_request"),
    "an empty token": ({"token": ""}, 400, "invalid_request"),
    "two tokens": ({"token": ["x", "y"]}, 400, "invalid_request"),
    "NUL in the token": ({"token": "\0"}, 400, "invalid_request"),
    "two hints": ({"token_type_hint": ["x", "y"]}, 400, "invalid_request"),
    "no client": ({"client_id": None, "client_secret": None}, 401, "invalid_client"),
    "an unknown client": ({"client_id": "client_x"}, 401, "invalid_client"),
    "no secret": ({"client_secret": None}, 401, "invalid_client"),
    "another secret": ({"client_secret": "x"}, 401, "invalid_client"),
    "a large form": ({"token": "x" * 70_000}, 413, "invalid_request"),
}


@pytest.mark.parametrize("path", [INTROSPECT, REVOKE])
@pytest.mark.parametrize(("changes", "status", "error"), REFUSED.values(), ids=REFUSED)
def test_bad_requests(sqlite_service: Service, path: str, changes: dict[str, Any], status: int, error: str) -> None:
    """RFC 7009 §2.2.1, RFC 7662 §2.3: the error has the form of RFC 6749 §5.2."""
    backend = register_backend(sqlite_service)
    refused = send(path, backend, **{"token": "x", **changes})
    assert (refused.status_code, refused.json()["error"]) == (status, error)
    assert refused.headers["Cache-Control"] == "no-store"
    assert ("WWW-Authenticate" in refused.headers) == (status == 401)


@pytest.mark.parametrize("path", [INTROSPECT, REVOKE])
def test_a_body_that_is_no_form_is_refused(sqlite_service: Service, path: str) -> None:
    url = f"{sqlite_service.url}{path}"
    for refused in (httpx2.post(url, json={"token": "x"}), httpx2.post(url, params={"token": "x"})):
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_request")
    assert httpx2.get(url).status_code == 405


def test_a_public_client_is_told_nothing(sqlite_service: Service) -> None:
    """RFC 7662 §2.1: the caller has to authenticate."""
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    token = frontend.tokens(person)["access_token"]
    refused = send(INTROSPECT, frontend, token)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("kind", ["access_token", "refresh_token"])
@pytest.mark.parametrize("register_one", [register_frontend, register_backend])
def test_a_token_that_is_given_back_ends_its_grant(
    service: Service, kind: str, register_one: Callable[[Service], Frontend]
) -> None:
    """RFC 7009 §2.1. The grants of other frontends of the same session stay."""
    person, client, other = sign_up(service), register_one(service), register_frontend(service)
    tokens, others = client.tokens(person), other.tokens(person)
    response = send(REVOKE, client, tokens[kind], token_type_hint="refresh_token")
    assert (response.status_code, response.headers["Cache-Control"]) == (200, "no-store")
    assert response.json() == {}, "simple-oauth2 reads an answer without JSON as a failure"
    assert live_grants(service) == 1
    assert client.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert httpx2.get(f"{service.url}/oauth/userinfo", headers=headers).status_code == 401
    assert other.refresh(others["refresh_token"]).status_code == 200
    assert person.browser.get("/get-session").json() is not None
    assert send(REVOKE, client, tokens[kind]).status_code == 200, "a second revocation must succeed too"


def test_an_offline_grant_and_an_online_one_are_given_back_one_by_one(sqlite_service: Service) -> None:
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    online, offline = frontend.tokens(person, "openid"), frontend.tokens(person, "openid offline_access")
    send(REVOKE, frontend, offline["access_token"])
    assert frontend.refresh(offline["refresh_token"]).status_code == 400
    assert frontend.refresh(online["refresh_token"]).status_code == 200


def test_what_is_not_its_own_a_client_does_not_end(sqlite_service: Service) -> None:
    """RFC 7009 §2.1: another client's token stays valid. The answer is 200 in any case (§2.2)."""
    person, backend = sign_up(sqlite_service), register_backend(sqlite_service)
    other = register_backend(sqlite_service)
    tokens = backend.tokens(person)
    for token in (tokens["access_token"], tokens["refresh_token"], tokens["id_token"], "x", "ä", "x" * 60_000):
        assert send(REVOKE, other, token).status_code == 200
    assert live_grants(sqlite_service) == 1


def test_a_spent_token_ends_the_grant_when_it_is_given_back(sqlite_service: Service) -> None:
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    first = frontend.tokens(person)["refresh_token"]
    frontend.refresh(first)
    assert send(REVOKE, frontend, first).status_code == 200
    assert live_grants(sqlite_service) == 0


def test_an_old_token_does_not_end_the_grant_that_came_after_its_own(sqlite_service: Service) -> None:
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    old = frontend.tokens(person)["access_token"]
    send(REVOKE, frontend, old)
    sqlite_service.clock.advance(seconds=1)
    frontend.tokens(person)
    send(REVOKE, frontend, old)
    assert live_grants(sqlite_service) == 1


def test_a_service_gives_its_own_tokens_back(sqlite_service: Service) -> None:
    """All tokens of a service are revoked together."""
    sqlite_service.clock.stop()
    robot, other = register_robot(sqlite_service), register_robot(sqlite_service)
    token, others = own_token(robot), own_token(other)
    assert send(REVOKE, other, token).status_code == 200
    assert introspect(robot, token)["active"] is True
    assert send(REVOKE, robot, token).status_code == 200
    assert introspect(robot, token) == INACTIVE
    sqlite_service.clock.advance(seconds=1)
    # The process checks five times a second, and notices then that its remembered index is revoked.
    wait_until(lambda: introspect(robot, own_token(robot))["active"] is True)
    assert introspect(other, others)["active"] is True
