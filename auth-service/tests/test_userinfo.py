"""The UserInfo endpoint (OpenID Connect Core §5.3) and its bearer tokens (RFC 6750)."""

from collections.abc import Callable
from typing import Any

import httpx2
import jwt
import pytest

from auth_service.http.session_cookies import SESSION_TOKEN

from .browser import Browser
from .code_flow import METADATA, Person, register_frontend, sign_up
from .conftest import ISSUER, Service
from .oauth_client import claims_of, register

USERINFO = "/oauth/userinfo"


def ask(service: Service, token: str | None, method: str = "GET", **options: Any) -> httpx2.Response:
    headers = {} if token is None else {"Authorization": f"Bearer {token}"}
    return httpx2.request(method, f"{service.url}{USERINFO}", headers=headers | options.pop("headers", {}), **options)


def test_userinfo_tells_what_the_scope_allows(service: Service) -> None:
    """OpenID Connect Core §5.3.2, §5.4. The token's audience does not matter."""
    person, frontend = sign_up(service, image="https://example.com/ann.png"), register_frontend(service)
    whole = ask(service, frontend.tokens(person)["access_token"])
    assert (whole.status_code, whole.headers["Cache-Control"]) == (200, "no-store")
    assert whole.headers["Content-Type"] == "application/json"
    told = whole.json()
    assert isinstance(told.pop("updated_at"), int)
    assert told == {
        "sub": person.account_id, "name": "Ann", "picture": "https://example.com/ann.png",
        "email": "ann@example.com", "email_verified": False, "preferred_username": "ann@example.com",
    }  # fmt: skip
    for scope, names in {
        "openid": {"sub"},
        "openid email": {"sub", "email", "email_verified"},
        "openid profile": {"sub", "name", "picture", "updated_at"},
    }.items():
        assert ask(service, frontend.tokens(person, scope)["access_token"]).json().keys() == names


def test_a_client_may_have_it_signed(sqlite_service: Service) -> None:
    """OpenID Connect Core §5.3.2: `application/jwt`, with `iss` and `aud`. Nobody can take it for another token."""
    service, alg = sqlite_service, "RS256"
    person = sign_up(service)
    frontend, plain = register_frontend(service, userinfo_signed_response_alg=alg), register_frontend(service)
    token = frontend.tokens(person)["access_token"]
    signed = ask(service, token)
    assert (signed.headers["Content-Type"], signed.headers["Cache-Control"]) == ("application/jwt", "no-store")
    keys = jwt.PyJWKSet.from_dict(httpx2.get(f"{service.url}/.well-known/jwks.json").json())
    kid = jwt.get_unverified_header(signed.text)["kid"]
    claims = jwt.decode(signed.text, keys[kid], [alg], audience=frontend.client_id, issuer=ISSUER)
    told = ask(service, plain.tokens(person)["access_token"])
    assert claims == {**told.json(), "iss": ISSUER, "aud": frontend.client_id}
    assert_refused(ask(service, signed.text), 401, "invalid_token")
    hinted = Browser(service).authorize(frontend, prompt="none", id_token_hint=signed.text)
    assert hinted.answer["error"] == "invalid_request"


def test_what_is_not_known_is_left_out(sqlite_service: Service) -> None:
    """OpenID Connect Core §5.3.2: no claim is null. A picture that is not a URL is left out (§5.1)."""
    person = sign_up(sqlite_service, name="", image="javascript:alert(1)")
    token = register_frontend(sqlite_service).tokens(person, "openid profile")["access_token"]
    assert ask(sqlite_service, token).json().keys() == {"sub", "updated_at"}


def test_claims_may_be_asked_for_by_name(sqlite_service: Service) -> None:
    """OpenID Connect Core §5.5. The request also holds for refreshed tokens."""
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    asked = '{"userinfo": {"email": {"essential": true}, "phone_number": null}}'
    tokens = frontend.tokens(person, "openid", claims=asked)
    refreshed = frontend.refresh(tokens["refresh_token"]).json()
    for token in (tokens["access_token"], refreshed["access_token"]):
        assert ask(sqlite_service, token).json() == {"sub": person.account_id, "email": "ann@example.com"}


def test_claims_that_are_registered_no_more_are_told_no_more(sqlite_service: Service) -> None:
    """An operator removes `email` from a client whose refresh tokens may last half a year."""
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    asked = '{"userinfo": {"email": null, "name": null}, "id_token": {"email": null, "name": null}}'
    tokens = frontend.tokens(person, "openid", claims=asked)
    sqlite_service.execute("UPDATE clients SET registered = replace(registered, 'profile email ', 'profile ')")
    sqlite_service.clock.advance(seconds=6)
    refreshed = frontend.refresh(tokens["refresh_token"]).json()
    assert ask(sqlite_service, refreshed["access_token"]).json() == {"sub": person.account_id, "name": "Ann"}
    assert claims_of(refreshed["id_token"]).keys() & {"email", "name"} == {"name"}


@pytest.mark.parametrize("media_type", ["application/x-www-form-urlencoded", None, "application/json"])
def test_post_is_answered_like_get(sqlite_service: Service, media_type: str | None) -> None:
    """OpenID Connect Core §5.3.1. A body that is not a form is ignored."""
    token = register_frontend(sqlite_service).tokens(sign_up(sqlite_service))["access_token"]
    headers = {} if media_type is None else {"Content-Type": media_type}
    assert ask(sqlite_service, token, "POST", headers=headers).status_code == 200


def test_the_token_may_stand_in_the_form(sqlite_service: Service) -> None:
    """RFC 6750 §2.2."""
    token = register_frontend(sqlite_service).tokens(sign_up(sqlite_service))["access_token"]
    assert ask(sqlite_service, None, "POST", data={"access_token": token}).status_code == 200
    assert ask(sqlite_service, None, "GET", params={"access_token": token}).status_code == 401, "RFC 9700 §4.3.2"
    assert ask(sqlite_service, None, "POST", params={"access_token": token}).status_code == 401


Sent = Callable[[Service, str], httpx2.Response]
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

# The way to send the token, the status, and the error in WWW-Authenticate.
REQUESTS: dict[str, tuple[Sent, int, str | None]] = {
    "no token": (lambda service, token: ask(service, None), 401, None),
    "another scheme": (lambda service, token: ask(service, None, headers={"Authorization": "Basic eA=="}), 401, None),
    "a scheme alone": (lambda service, token: ask(service, None, headers={"Authorization": "Bearer"}), 401, None),
    "in two headers": (
        lambda service, token: httpx2.get(
            f"{service.url}{USERINFO}", headers=[("Authorization", f"Bearer {token}")] * 2
        ), 400, "invalid_request"),
    "in header and form": (
        lambda service, token: ask(service, token, "POST", data={"access_token": token}), 400, "invalid_request"),
    "twice in the form": (
        lambda service, token: ask(service, None, "POST", content=f"access_token={token}&access_token=x", headers=FORM),
        400, "invalid_request"),
    "an unreadable form": (
        lambda service, token: ask(service, None, "POST", content="access_token=%zz", headers=FORM),
        400, "invalid_request"),
    "a large form": (
        lambda service, token: ask(service, None, "POST", content="a=" + "x" * 70_000, headers=FORM),
        413, "invalid_request"),
    "an unknown token": (lambda service, token: ask(service, "x"), 401, "invalid_token"),
    "a quote": (lambda service, token: ask(service, 'x"y\\'), 401, "invalid_token"),
    "a long token": (lambda service, token: ask(service, token + "x" * 8192), 401, "invalid_token"),
    "a changed token": (lambda service, token: ask(service, token[:-8] + "AAAAAAAA"), 401, "invalid_token"),
    "padding": (lambda service, token: ask(service, token + "="), 401, "invalid_token"),
    "four parts": (lambda service, token: ask(service, token + ".x"), 401, "invalid_token"),
    "deep JSON": (lambda service, token: ask(service, f"{'W1tb' * 1000}.e30.eA"), 401, "invalid_token"),
}  # fmt: skip


@pytest.mark.parametrize(("send", "status", "error"), REQUESTS.values(), ids=REQUESTS)
def test_what_opens_nothing_is_told_why(sqlite_service: Service, send: Sent, status: int, error: str | None) -> None:
    """RFC 6750 §3, §3.1."""
    token = register_frontend(sqlite_service).tokens(sign_up(sqlite_service))["access_token"]
    assert_refused(send(sqlite_service, token), status, error)


def assert_refused(response: httpx2.Response, status: int, error: str | None) -> None:
    assert response.status_code == status
    challenge = response.headers["WWW-Authenticate"]
    assert challenge.startswith('Bearer realm="oauth"')
    assert ("error=" in challenge) == (error is not None)
    assert error is None or f'error="{error}"' in challenge
    assert response.headers["Cache-Control"] == "no-store"


def forged(token: str, **changes: Any) -> str:
    header, claims = jwt.get_unverified_header(token), jwt.decode(token, options={"verify_signature": False})
    return jwt.encode(claims, changes.pop("key", "x" * 32), headers={**header, **changes})


TOKENS: dict[str, Callable[[dict[str, Any]], str]] = {
    "an ID token": lambda tokens: tokens["id_token"],
    "a refresh token": lambda tokens: tokens["refresh_token"],
    "alg none": lambda tokens: forged(tokens["access_token"], alg="none", key=""),
    "HS256": lambda tokens: forged(tokens["access_token"], alg="HS256"),
    "an unknown key": lambda tokens: forged(tokens["access_token"], alg="HS256", kid="x"),
    "no kid": lambda tokens: forged(tokens["access_token"], alg="HS256", kid=""),
}


@pytest.mark.parametrize("make", TOKENS.values(), ids=TOKENS)
def test_nothing_but_our_access_tokens_opens_it(sqlite_service: Service, make: Callable[[dict[str, Any]], str]) -> None:
    """RFC 9068 §4."""
    tokens = register_frontend(sqlite_service).tokens(sign_up(sqlite_service))
    assert_refused(ask(sqlite_service, make(tokens)), 401, "invalid_token")


def test_a_token_without_openid_does_not_reach_so_far(sqlite_service: Service) -> None:
    """RFC 6750 §3.1: 403 with the scope that is needed."""
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    service_token = register(sqlite_service, default_resource=None).token().json()["access_token"]
    web_token = person.browser.get("/token").json()["token"]
    for token in (frontend.tokens(person, "todos:read")["access_token"], service_token, web_token):
        refused = ask(sqlite_service, token)
        assert_refused(refused, 403, "insufficient_scope")
        assert 'scope="openid"' in refused.headers["WWW-Authenticate"]


def test_a_cookie_opens_nothing(sqlite_service: Service) -> None:
    person = sign_up(sqlite_service)
    assert SESSION_TOKEN in str(person.browser.cookies)
    assert person.browser.get(f"{sqlite_service.url}{USERINFO}").status_code == 401


ENDINGS: dict[str, Callable[[Service, Person, dict[str, Any]], Any]] = {
    "expired": lambda service, person, tokens: service.clock.advance(minutes=5),
    "signed out": lambda service, person, tokens: person.browser.post("/sign-out", json={}),
    "suspended": lambda service, person, tokens: service.execute(
        "UPDATE accounts SET suspended_at = '2026-01-01 00:00:00'"
    ),
    "deleted": lambda service, person, tokens: service.execute("DELETE FROM accounts"),
    "ended": lambda service, person, tokens: service.execute("UPDATE grants SET ended_at = '2026-01-01 00:00:00'"),
    "no client any more": lambda service, person, tokens: service.command(
        "clients", "delete", "--yes", claims_of(tokens["access_token"])["client_id"]
    ),
}


@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS)
def test_a_dead_token_opens_nothing(service: Service, end: Callable[[Service, Person, dict[str, Any]], Any]) -> None:
    service.clock.stop()
    person, frontend = sign_up(service), register_frontend(service, **METADATA)
    tokens = frontend.tokens(person)
    assert ask(service, tokens["access_token"]).status_code == 200
    end(service, person, tokens)
    assert_refused(ask(service, tokens["access_token"]), 401, "invalid_token")


def test_an_offline_grants_token_outlives_the_session(sqlite_service: Service) -> None:
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    tokens = frontend.tokens(person, "openid email offline_access")
    person.browser.post("/sign-out", json={})
    narrowed = frontend.refresh(tokens["refresh_token"], scope="openid").json()
    assert narrowed["scope"] == "openid offline_access", "`offline_access` tells which grant the token belongs to"
    assert ask(sqlite_service, narrowed["access_token"]).json() == {"sub": person.account_id}


def test_a_token_of_an_ended_grant_stays_dead_when_another_is_made(sqlite_service: Service) -> None:
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    old = frontend.tokens(person)["access_token"]
    sqlite_service.execute("UPDATE grants SET ended_at = '2026-01-01 00:00:00'")
    sqlite_service.clock.advance(seconds=1)
    new = frontend.tokens(person)["access_token"]
    assert [ask(sqlite_service, token).status_code for token in (old, new)] == [401, 200]
