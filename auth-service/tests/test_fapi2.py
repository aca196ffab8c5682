"""Clients with `"profile": "fapi2"`: the FAPI 2.0 Security Profile (final) is set and checked as a whole."""

from datetime import datetime, timedelta
from typing import Any

import httpx2
import jwt
import pytest

from auth_service.endpoints.token.grants import GRANT_TYPES
from auth_service.oauth.client_assertion import ASSERTION_TYPE
from auth_service.oauth.client_metadata import ClientMetadata, parse
from auth_service.oauth.errors import InvalidClientMetadata

from .browser import Browser, asked, signed_in
from .code_flow import METADATA, REDIRECT_URI, VERIFIER, Frontend
from .conftest import ISSUER, Service, Start
from .dpop_client import Prover
from .oauth_client import OAuthClient, claims_of, public_jwk, register_with_key
from .registry import RESOURCES

SCOPE = "openid offline_access todos:read"
MEMBERS = {**METADATA, "profile": "fapi2", "jwks": {"keys": [public_jwk("ec")]}}


def checked(**changes: Any) -> ClientMetadata:
    return parse({**MEMBERS, **changes}, resources=RESOURCES, supported_grant_types=GRANT_TYPES)


def test_the_profile_sets_all_that_it_asks_for() -> None:
    made = checked().members()
    expected = {
        "profile": "fapi2",
        "token_endpoint_auth_method": "private_key_jwt",
        "require_pushed_authorization_requests": True,
        "dpop_bound_access_tokens": True,
        "require_pkce": True,
        "id_token_signed_response_alg": "ES256",
    }
    assert expected.items() <= made.items()
    assert (
        parse(made, resources=RESOURCES, supported_grant_types=GRANT_TYPES) == checked() == ClientMetadata.restore(made)
    )
    assert checked(id_token_signed_response_alg="PS256", request_object_signing_alg="PS256").profile == "fapi2"


CONTRADICTIONS = {
    "another profile": {"profile": "fapi1"},
    "a profile that is no text": {"profile": True},
    "public": {"token_endpoint_auth_method": "none"},
    "a secret": {"token_endpoint_auth_method": "client_secret_basic"},
    "requests that are not pushed": {"require_pushed_authorization_requests": False},
    "bearer tokens": {"dpop_bound_access_tokens": False},
    "no PKCE": {"require_pkce": False},
    "RS256": {"id_token_signed_response_alg": "RS256"},
    "userinfo by RS256": {"userinfo_signed_response_alg": "RS256"},
    "request objects by RS256": {"request_object_signing_alg": "RS256"},
    "another audience": {"assertion_audience": "token_endpoint"},
}


@pytest.mark.parametrize("changes", CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_what_contradicts_the_profile_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(InvalidClientMetadata):
        checked(**changes)


def fapi_client(service: Service) -> OAuthClient:
    keys = {"keys": [public_jwk("ec"), public_jwk("rsa")]}
    return register_with_key(service, **{**MEMBERS, "jwks": keys, "first_party": True})


def send(
    client: OAuthClient, path: str, form: dict[str, str], *, alg: str = "ES256", prover: str = "ec", **claims: Any
) -> httpx2.Response:
    """A request with an assertion and a proof."""
    assertion = client.assertion("ec" if alg == "ES256" else "rsa", alg=alg, **claims)
    shown = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    headers = Prover(client.service, prover).header(path)
    return httpx2.post(f"{client.service.url}{path}", data={**form, **shown}, headers=headers)


def code_of(client: OAuthClient, browser: Browser, prover: str = "ec") -> str:
    frontend = Frontend(client.service, client.client_id)
    pushed = send(client, "/oauth/par", asked(frontend, scope=SCOPE), prover=prover)
    assert pushed.status_code == 201, pushed.text
    answer = browser.open(
        "/oauth/authorize", client_id=client.client_id, request_uri=pushed.json()["request_uri"]
    ).answer
    assert answer["iss"] == ISSUER
    return answer["code"]


def redeemed(client: OAuthClient, code: str, prover: str = "ec") -> httpx2.Response:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
    return send(client, "/oauth/token", form, prover=prover)


def test_its_proofs_are_signed_by_ps256_or_es256_at_userinfo_too(sqlite_service: Service) -> None:
    """§5.4.1. The key of a token says nothing about the algorithm: an RSA key has two."""
    client, browser, prover = fapi_client(sqlite_service), signed_in(sqlite_service), Prover(sqlite_service, "rsa")
    tokens = redeemed(client, code_of(client, browser, "rsa"), "rsa").json()
    token = tokens["access_token"]
    for alg, status in {"RS256": 401, "PS256": 200}.items():
        proof = prover.header("/oauth/userinfo", "GET", token=token, alg=alg)
        told = httpx2.get(f"{sqlite_service.url}/oauth/userinfo", headers={"Authorization": f"DPoP {token}", **proof})
        assert told.status_code == status, alg
        if status == 401:
            assert told.headers["WWW-Authenticate"].endswith('algs="PS256 ES256"')  # RFC 9449 §7.1


def test_a_person_signs_in_and_the_refresh_token_stays_the_same(service: Service) -> None:
    """§5.3.2.1: no rotation; the token is bound to the client and its key. It still ends when nobody uses it."""
    client = fapi_client(service)
    browser = signed_in(service)
    tokens = redeemed(client, code_of(client, browser)).json()
    assert tokens["token_type"] == "DPoP"
    assert jwt.get_unverified_header(tokens["id_token"])["alg"] in ("ES256", "RS256")  # RS256: ES256 is not known yet
    form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    for _ in range(2):
        service.clock.advance(days=20)
        renewed = send(client, "/oauth/token", form)
        assert renewed.status_code == 200, renewed.text
        assert renewed.json()["refresh_token"] == tokens["refresh_token"]
        assert claims_of(renewed.json()["access_token"])["cnf"] == {"jkt": Prover(service).jkt}
    bearer = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": client.assertion("ec", alg="ES256")}
    assert httpx2.post(f"{service.url}/oauth/token", data={**form, **bearer}).json()["error"] == "invalid_request"
    other = Prover(service, "ec2").header()
    bearer["client_assertion"] = client.assertion("ec", alg="ES256")
    answer = httpx2.post(f"{service.url}/oauth/token", data={**form, **bearer}, headers=other)
    assert answer.json()["error"] == "invalid_grant"
    service.clock.advance(days=31)
    assert send(client, "/oauth/token", form).json()["error"] == "invalid_grant"


def test_a_client_of_the_profile_is_held_to_it(start: Start, sqlite_url: str) -> None:
    """§5.3.2.1, §5.4.1. Its codes live for a minute at most, whatever the setting says."""
    sqlite_service = start(sqlite_url, AUTH_AUTHORIZATION_CODE_TTL="PT10M")
    client, browser = fapi_client(sqlite_service), signed_in(sqlite_service)
    frontend = Frontend(sqlite_service, client.client_id)
    code_of(client, browser)
    [(created, expires)] = sqlite_service.rows("SELECT created_at, expires_at FROM authorization_codes")
    assert datetime.fromisoformat(expires) - datetime.fromisoformat(created) == timedelta(seconds=60)
    push = asked(frontend, scope=SCOPE)
    assert send(client, "/oauth/par", push, alg="PS256").status_code == 201
    refused = {
        "an assertion by RS256": (send(client, "/oauth/par", push, alg="RS256"), "invalid_client"),
        "an audience in a list": (send(client, "/oauth/par", push, aud=[ISSUER]), "invalid_client"),
        "the endpoint as audience": (send(client, "/oauth/par", push, aud=f"{ISSUER}/oauth/token"), "invalid_client"),
        "no PKCE": (
            send(client, "/oauth/par", asked(frontend, code_challenge=None, code_challenge_method=None)),
            "invalid_request",
        ),
    }
    for name, (answer, error) in refused.items():
        assert answer.json()["error"] == error, name
    assertion = client.assertion("ec", alg="ES256")
    form = {**push, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
    proof = Prover(sqlite_service, "rsa").header("/oauth/par", alg="RS256")
    answer = httpx2.post(f"{sqlite_service.url}/oauth/par", data=form, headers=proof)
    assert answer.json()["error"] == "invalid_dpop_proof"
    assert browser.authorize(frontend, scope=SCOPE).answer["error"] == "invalid_request", "not pushed"
