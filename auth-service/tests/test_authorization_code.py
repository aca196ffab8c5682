"""The authorization code grant (RFC 6749 §4.1.3, RFC 7636 §4.6) and the ID token that comes with it."""

from collections.abc import Callable
from typing import Any

import httpx2
import jwt
import pytest

from auth_service.oauth.id_token import hash_token
from auth_service.oauth.pkce import derive_challenge, is_challenge, verify

from .code_flow import (
    API,
    CHALLENGE,
    REDIRECT_URI,
    VERIFIER,
    Frontend,
    Person,
    live_grants,
    register_backend,
    register_frontend,
    sign_up,
)
from .conftest import ISSUER, Service
from .oauth_client import claims_of, register_with_key


def test_a_code_becomes_tokens_of_a_person(service: Service) -> None:
    """RFC 6749 §5.1; RFC 9068 §2.2; OpenID Connect Core §3.1.3.3."""
    service.clock.stop()
    person, frontend = sign_up(service), register_frontend(service)
    response = frontend.redeem(frontend.authorize(person))
    body, now = response.json(), int(service.clock().timestamp())
    assert response.headers["Cache-Control"] == "no-store"
    assert {name: body[name] for name in ("token_type", "expires_in", "scope")} == {
        "token_type": "Bearer", "expires_in": 300, "scope": "openid profile email todos:read todos:write",
    }  # fmt: skip
    access, identity = claims_of(body["access_token"]), claims_of(body["id_token"])
    authenticated = {"sid": person.session_id, "auth_time": now - 300, "acr": "aal1", "amr": ["pwd"]}
    assert len(access.pop("jti")) == 32
    assert set(access.pop("status")["status_list"]) == {"idx", "uri"}  # test_status_lists.py
    assert access == {
        "iss": ISSUER, "sub": person.account_id, "aud": API, "client_id": frontend.client_id, "iat": now,
        "exp": now + 300, "scope": "openid profile email todos:read todos:write", **authenticated,
    }  # fmt: skip
    assert identity == {
        "iss": ISSUER, "sub": person.account_id, "aud": frontend.client_id, "iat": now, "exp": now + 300,
        "nonce": "n-0S6_WzA2Mj", "at_hash": hash_token(body["access_token"]), **authenticated,
        "name": "Ann", "email": "ann@example.com", "email_verified": False, "preferred_username": "ann@example.com",
        "updated_at": now,
    }  # fmt: skip
    keys = httpx2.get(f"{service.url}/.well-known/jwks.json").json()["keys"]
    for token, typ in ((body["access_token"], "at+jwt"), (body["id_token"], "JWT")):
        header = jwt.get_unverified_header(token)
        assert header["typ"] == typ
        key = jwt.PyJWK(next(key for key in keys if key["kid"] == header["kid"]))
        jwt.decode(token, key, algorithms=["RS256"], options={"verify_aud": False, "verify_iat": False})


def test_without_openid_there_is_no_id_token(sqlite_service: Service) -> None:
    """OpenID Connect Core §3.1.2.1."""
    tokens = register_frontend(sqlite_service).tokens(sign_up(sqlite_service), "todos:read")
    assert "id_token" not in tokens
    assert claims_of(tokens["access_token"])["scope"] == "todos:read"


def test_without_the_grant_type_there_is_no_refresh_token(sqlite_service: Service) -> None:
    frontend = register_frontend(sqlite_service, grant_types=["authorization_code"])
    assert "refresh_token" not in frontend.tokens(sign_up(sqlite_service))
    assert frontend.refresh("x").json()["error"] == "unauthorized_client"


def test_no_nonce_and_no_challenge_where_none_was_sent(sqlite_service: Service) -> None:
    person, backend = sign_up(sqlite_service), register_backend(sqlite_service, require_pkce=False)
    code = backend.authorize(person, nonce=None, code_challenge=None)
    body = backend.redeem(code, code_verifier=None).json()
    assert "nonce" not in claims_of(body["id_token"])


def test_an_id_token_says_of_the_person_what_the_scope_allows(sqlite_service: Service) -> None:
    """Most client libraries look nowhere else. OpenID Connect Core §2 allows further claims."""
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    told = claims_of(frontend.tokens(person, "openid profile email offline_access")["id_token"])
    assert {name: told[name] for name in ("name", "email", "email_verified", "preferred_username")} == {
        "name": "Ann", "email": "ann@example.com", "email_verified": False, "preferred_username": "ann@example.com",
    }  # fmt: skip
    assert "preferred_username" not in claims_of(frontend.tokens(person, "openid profile")["id_token"]), "the address"
    assert not {"name", "email"} & claims_of(frontend.tokens(person, "openid")["id_token"]).keys()


def test_an_id_token_stays_small(sqlite_service: Service) -> None:
    """Some clients keep it in a cookie, which holds 4 KiB."""
    person = sign_up(sqlite_service, name="\N{GRINNING FACE}" * 200, image=f"https://example.com/{'x' * 1900}")
    frontend = register_frontend(sqlite_service)
    tokens = frontend.tokens(person, "openid profile email")
    assert "picture" not in claims_of(tokens["id_token"])
    assert len(tokens["id_token"]) < 4000


def test_a_client_may_leave_claims_to_userinfo(sqlite_service: Service) -> None:
    """OpenID Connect Core §5.4: `"id_token_claims": "minimal"`."""
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service, id_token_claims="minimal")
    plain = claims_of(frontend.tokens(person)["id_token"])
    assert not {"name", "email", "email_verified", "preferred_username"} & plain.keys()


def test_an_id_token_says_of_the_person_what_claims_asks_for(sqlite_service: Service) -> None:
    """OpenID Connect Core §5.5: `claims` can put single claims in the ID token."""
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    asked = '{"id_token": {"email": null, "name": {"essential": true}, "phone_number": null, "acr": null}}'
    asking = claims_of(frontend.tokens(person, "openid", claims=asked)["id_token"])
    assert (asking["email"], asking["name"], asking["acr"]) == ("ann@example.com", "Ann", "aal1")
    assert "phone_number" not in asking


# The changed parameters of the request, and the error.
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no code": ({"code": None}, "invalid_request"),
    "an empty code": ({"code": ""}, "invalid_request"),
    "two codes": ({"code": ["x", "y"]}, "invalid_request"),
    "an unknown code": ({"code": "x"}, "invalid_grant"),
    "a long code": ({"code": "x" * 60_000}, "invalid_grant"),
    "a code that is not ASCII": ({"code": "ä€😀"}, "invalid_grant"),
    "NUL in the code": ({"code": "\0"}, "invalid_request"),
    "no redirect_uri": ({"redirect_uri": None}, "invalid_request"),
    "two redirect_uris": ({"redirect_uri": [REDIRECT_URI] * 2}, "invalid_request"),
    "another redirect_uri": ({"redirect_uri": "https://app.example.com/other"}, "invalid_grant"),
    "a longer redirect_uri": ({"redirect_uri": f"{REDIRECT_URI}/"}, "invalid_grant"),
    "a redirect_uri with a query": ({"redirect_uri": f"{REDIRECT_URI}?x"}, "invalid_grant"),
    "a redirect_uri in capitals": ({"redirect_uri": REDIRECT_URI.upper()}, "invalid_grant"),
    "a redirect_uri with its port": ({"redirect_uri": "https://app.example.com:443/callback"}, "invalid_grant"),
    "no verifier": ({"code_verifier": None}, "invalid_grant"),
    "an empty verifier": ({"code_verifier": ""}, "invalid_grant"),
    "two verifiers": ({"code_verifier": [VERIFIER] * 2}, "invalid_request"),
    "another verifier": ({"code_verifier": VERIFIER[::-1]}, "invalid_grant"),
    "the challenge as verifier": ({"code_verifier": CHALLENGE}, "invalid_grant"),
    "a verifier with a space": ({"code_verifier": f"{VERIFIER} "}, "invalid_grant"),
    "a verifier that is not ASCII": ({"code_verifier": "ä" * 43}, "invalid_grant"),
    "another resource": ({"resource": ISSUER}, "invalid_target"),
    "two resources": ({"resource": [API, ISSUER]}, "invalid_target"),
    "no client": ({"client_id": None}, "invalid_client"),
    "an unknown client": ({"client_id": "client_x"}, "invalid_client"),
    "a secret that it has not": ({"client_secret": "x"}, "invalid_client"),
    "no grant type": ({"grant_type": None}, "invalid_request"),
}


@pytest.mark.parametrize(("changes", "error"), REFUSED.values(), ids=REFUSED)
def test_what_does_not_fit_is_refused_and_leaves_the_code_good(
    sqlite_service: Service, changes: dict[str, Any], error: str
) -> None:
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    code = frontend.authorize(person)
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
    refused = frontend.ask(**form | changes)
    assert (refused.status_code, refused.json()["error"]) == (401 if error == "invalid_client" else 400, error)
    assert refused.headers["Cache-Control"] == "no-store"
    assert frontend.redeem(code, resource=API).status_code == 200


def test_scopes_that_the_client_has_lost_are_not_in_its_tokens(sqlite_service: Service) -> None:
    """An operator takes them away between the authorization and the redemption."""
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    code = frontend.authorize(person, "openid email todos:read todos:write")
    shorter = "UPDATE clients SET registered = replace(registered, 'openid profile email ', 'openid ')"
    sqlite_service.execute(shorter)
    sqlite_service.execute("UPDATE clients SET registered = replace(registered, ' todos:write', '')")
    sqlite_service.clock.advance(seconds=6)
    body = frontend.redeem(code).json()
    assert claims_of(body["access_token"])["scope"] == "openid todos:read"
    assert "email" not in claims_of(body["id_token"])


def test_its_client_is_told_why_and_no_other(sqlite_service: Service) -> None:
    """A developer sees what to change. Another client learns nothing, not even that the code exists."""
    person = sign_up(sqlite_service)
    frontend, other = register_frontend(sqlite_service), register_frontend(sqlite_service)
    code = frontend.authorize(person)
    told = {
        "The redirect_uri differs": frontend.redeem(code, redirect_uri="https://app.example.com/other"),
        "The code_verifier does not fit": frontend.redeem(code, code_verifier="x" * 43),
        "The code_verifier is missing": frontend.redeem(code, code_verifier=None),
        "This client has no such code.": frontend.redeem("x"),
    }
    assert frontend.redeem(code).status_code == 200
    told["The code has been used before, so its grant has ended"] = frontend.redeem(code)
    for description, answer in told.items():
        assert answer.json()["error_description"].startswith(description)
    assert other.redeem(code).json() == other.redeem("x").json()


def test_a_verifier_for_a_code_without_challenge_is_refused(sqlite_service: Service) -> None:
    """RFC 9700 §2.1.1: an attacker has removed the challenge from the authorization request."""
    person, backend = sign_up(sqlite_service), register_backend(sqlite_service, require_pkce=False)
    code = backend.authorize(person, code_challenge=None)
    assert backend.redeem(code).json()["error"] == "invalid_grant"
    assert backend.redeem(code, code_verifier=None).status_code == 200


def test_a_client_with_pkce_gets_nothing_for_a_code_without(sqlite_service: Service) -> None:
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    code = frontend.authorize(person, code_challenge=None)
    assert frontend.redeem(code, code_verifier=None).json()["error"] == "invalid_grant"


def test_a_code_is_its_clients_alone(sqlite_service: Service) -> None:
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    other = register_frontend(sqlite_service)
    code = frontend.authorize(person)
    assert other.redeem(code).json()["error"] == "invalid_grant"
    assert frontend.redeem(code).status_code == 200


def test_a_client_with_a_secret_has_to_show_it(sqlite_service: Service) -> None:
    """RFC 6749 §4.1.3."""
    person, backend = sign_up(sqlite_service), register_backend(sqlite_service)
    code = backend.authorize(person)
    for secret in (None, "", "x"):
        refused = backend.redeem(code, client_secret=secret)
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
        assert refused.headers["WWW-Authenticate"].startswith("Basic ")
    assert backend.redeem(code).status_code == 200


def test_a_client_with_keys_redeems_a_code_by_an_assertion(sqlite_service: Service) -> None:
    """RFC 7523 §2.2."""
    from .code_flow import METADATA  # the members that register_with_key does not set

    person, client = sign_up(sqlite_service), register_with_key(sqlite_service, **METADATA)
    code = Frontend(sqlite_service, client.client_id).authorize(person)
    answer = client.token_by_assertion(
        client.assertion(), grant_type="authorization_code", code=code, redirect_uri=REDIRECT_URI,
        code_verifier=VERIFIER,
    )  # fmt: skip
    assert answer.status_code == 200


def test_a_code_is_good_for_a_minute(service: Service) -> None:
    person, frontend = sign_up(service), register_frontend(service)
    service.clock.stop()
    early, late = frontend.authorize(person), frontend.authorize(person)
    service.clock.advance(seconds=59)
    assert frontend.redeem(early).status_code == 200
    service.clock.advance(seconds=1)
    assert frontend.redeem(late).json()["error"] == "invalid_grant"
    assert live_grants(service) == 1, "an expired code was treated as stolen"


def test_a_code_used_twice_ends_what_it_gave(service: Service) -> None:
    """RFC 6749 §4.1.2: a second use by its client, at any time, ends the grant. It is committed before the refusal."""
    person, frontend = sign_up(service), register_frontend(service)
    code = frontend.authorize(person)
    tokens = frontend.redeem(code).json()
    service.clock.advance(hours=1)
    refused = frontend.redeem(code)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert live_grants(service) == 0
    assert frontend.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"


@pytest.mark.parametrize("register_thief", [register_frontend, register_backend])
def test_a_spent_code_ends_nothing_in_another_clients_hands(
    sqlite_service: Service, register_thief: Callable[[Service], Frontend]
) -> None:
    """Otherwise every client could sign people out of all others, with codes that it found in a log or a history."""
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    code = frontend.authorize(person)
    tokens = frontend.redeem(code).json()
    assert register_thief(sqlite_service).redeem(code).json()["error"] == "invalid_grant"
    assert live_grants(sqlite_service) == 1
    assert frontend.refresh(tokens["refresh_token"]).status_code == 200


# Requests in the name of the code's own client, which for a public client anybody can send. None could have got tokens
# for the code when it was unused.
INCOMPLETE: dict[str, dict[str, Any]] = {
    "another redirect_uri": {"redirect_uri": "https://app.example.com/other"},
    "no verifier": {"code_verifier": None},
    "another verifier": {"code_verifier": VERIFIER[::-1]},
    "the challenge as verifier": {"code_verifier": CHALLENGE},
}


@pytest.mark.parametrize("changes", INCOMPLETE.values(), ids=INCOMPLETE)
def test_a_spent_code_ends_nothing_without_what_it_is_bound_to(
    sqlite_service: Service, changes: dict[str, Any]
) -> None:
    """RFC 6749 §4.1.2, RFC 7636 §4.6: who has the code alone cannot use it, so that is no second use."""
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    code = frontend.authorize(person)
    tokens = frontend.redeem(code).json()
    assert frontend.redeem(code, **changes).json()["error"] == "invalid_grant"
    assert live_grants(sqlite_service) == 1
    assert frontend.refresh(tokens["refresh_token"]).status_code == 200
    assert frontend.redeem(code).json()["error"] == "invalid_grant"
    assert live_grants(sqlite_service) == 0, "the second use of the code was not noticed any more"


def test_a_spent_code_ends_nothing_without_its_clients_secret(sqlite_service: Service) -> None:
    person, backend = sign_up(sqlite_service), register_backend(sqlite_service)
    code = backend.authorize(person)
    tokens = backend.redeem(code).json()
    for secret in (None, "x"):
        assert backend.redeem(code, client_secret=secret).status_code == 401
        assert backend.refresh(tokens["refresh_token"], client_secret=secret).status_code == 401
    assert live_grants(sqlite_service) == 1
    assert backend.redeem(code).json()["error"] == "invalid_grant"
    assert live_grants(sqlite_service) == 0


def test_another_grant_is_made_after_one_has_ended(sqlite_service: Service) -> None:
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    code = frontend.authorize(person)
    frontend.redeem(code)
    frontend.redeem(code)
    tokens = frontend.tokens(person)
    assert frontend.refresh(tokens["refresh_token"]).status_code == 200
    assert frontend.redeem(code).json()["error"] == "invalid_grant"
    assert live_grants(sqlite_service) == 1, "the first grant's code ended the second grant"


def test_frontends_of_one_session_have_grants_of_their_own(sqlite_service: Service) -> None:
    person = sign_up(sqlite_service)
    first, second = register_frontend(sqlite_service), register_frontend(sqlite_service)
    code = first.authorize(person)
    first.redeem(code)
    tokens = second.tokens(person)
    first.redeem(code)
    assert second.refresh(tokens["refresh_token"]).status_code == 200


ENDINGS: dict[str, Callable[[Service, Person], Any]] = {
    "signed out": lambda service, person: person.browser.post("/sign-out", json={}),
    "suspended": lambda service, person: service.execute("UPDATE accounts SET suspended_at = '2026-01-01 00:00:00'"),
    "expired": lambda service, person: service.clock.advance(days=8),
}


@pytest.mark.parametrize("scope", ["openid", "openid offline_access"])
@pytest.mark.parametrize("end", ENDINGS.values(), ids=ENDINGS)
def test_a_code_dies_with_its_session(
    sqlite_service: Service, end: Callable[[Service, Person], Any], scope: str
) -> None:
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    code = frontend.authorize(person, scope)
    end(sqlite_service, person)
    assert frontend.redeem(code).json()["error"] == "invalid_grant"


def test_pkce_has_the_vector_of_its_rfc() -> None:
    """RFC 7636 Appendix B."""
    assert derive_challenge(VERIFIER) == CHALLENGE
    assert is_challenge(CHALLENGE)
    assert verify(CHALLENGE, VERIFIER)


def test_at_hash_has_the_vector_of_the_standard() -> None:
    """OpenID Connect Core Appendix A.3 and A.4: the at_hash of their access token under RS256."""
    assert hash_token("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y") == "77QmUPtjPfzWtF2AnpK9RQ"


def test_codes_are_stored_as_their_hash(sqlite_service: Service) -> None:
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    code = frontend.authorize(person)
    assert code not in repr(sqlite_service.rows("SELECT * FROM authorization_codes"))
