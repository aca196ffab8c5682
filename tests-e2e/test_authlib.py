"""Authlib as a relying party: a Python library; the other relying parties run on JavaScript."""

import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from authlib.common.security import generate_token
from authlib.integrations.httpx_client import OAuth2Client, OAuthError
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from e2e_fixtures.providers import Account, Provider
from e2e_fixtures.stack import NO_TLS
from e2e_fixtures.user_agent import Callback, UserAgent

SCOPE = "openid profile email offline_access"


@pytest.fixture(scope="module")
def metadata(provider: Provider) -> dict[str, Any]:
    found: dict[str, Any] = provider.client().get("/.well-known/openid-configuration").json()
    return found


@pytest.fixture
def account(provider: Provider) -> Account:
    return provider.sign_up()


@contextmanager
def relying_party(provider: Provider, registered: dict[str, Any]) -> Iterator[OAuth2Client]:
    method = registered["token_endpoint_auth_method"]
    trust = ssl.create_default_context(cafile=provider.authority) if provider.authority else NO_TLS
    with OAuth2Client(
        registered["client_id"],
        registered.get("client_secret"),
        token_endpoint_auth_method=method,
        revocation_endpoint_auth_method=method,
        scope=SCOPE,
        redirect_uri=registered["redirect_uris"][0],
        code_challenge_method="S256",
        verify=trust,
        trust_env=False,
        timeout=40,
    ) as client:
        if method == "private_key_jwt":
            client.client_secret = ECKey.import_key(registered["private_key"])
            client.register_client_auth_method(("private_key_jwt", partial(prove, provider.issuer)))
        yield client


def prove(issuer: str, *request: Any) -> Any:
    """Sign a client assertion for the issuer that lasts less than five minutes, as ours requires.

    Authlib's own assertions last an hour and name the token endpoint.
    """
    claims = {"exp": int(time.time()) + 60}
    return PrivateKeyJWT(issuer, alg="ES256", headers={"kid": "rp"}, claims=claims)(*request)


def sign_in(
    client: OAuth2Client, agent: UserAgent, metadata: dict[str, Any], account: Account, **further: str
) -> tuple[dict[str, Any], CodeIDToken]:
    verifier, nonce = generate_token(48), generate_token(20)
    url, state = client.create_authorization_url(
        metadata["authorization_endpoint"], code_verifier=verifier, nonce=nonce, prompt="consent", **further
    )
    answer = agent.sign_in(url, account)
    assert isinstance(answer, Callback), answer
    returned = f"{answer.url}?{answer.body}" if answer.method == "POST" else answer.url
    token: dict[str, Any] = client.fetch_token(
        metadata["token_endpoint"], authorization_response=returned, code_verifier=verifier, state=state
    )
    keys = KeySet.import_key_set(agent.http.get(metadata["jwks_uri"]).json())
    decoded = jwt.decode(token["id_token"], keys, algorithms=["RS256"])
    expected = {"iss": {"essential": True, "value": metadata["issuer"]}, "aud": {"value": client.client_id}}
    parameters = {"nonce": nonce, "client_id": client.client_id, "access_token": token["access_token"]}
    claims = CodeIDToken(decoded.claims, decoded.header, expected, parameters)
    claims.validate()
    return token, claims


@pytest.mark.parametrize("name", ["basic", "post", "public", "key"])
@pytest.mark.parametrize("mode", ["query", "form_post"])
def test_person_signs_in(
    provider: Provider,
    metadata: dict[str, Any],
    clients: dict[str, dict[str, Any]],
    account: Account,
    name: str,
    mode: str,
) -> None:
    with relying_party(provider, clients[name]) as client:
        token, claims = sign_in(client, UserAgent(provider), metadata, account, response_mode=mode)
        assert (claims["sub"], set(token["scope"].split())) == (account.sub, set(SCOPE.split()))
        person = client.get(metadata["userinfo_endpoint"]).json()
    assert (person["sub"], person["email"], person["name"]) == (account.sub, account.email, "Ann")


@pytest.mark.parametrize("name", ["basic", "key"])
def test_grant_is_refreshed_looked_into_and_revoked(
    provider: Provider, metadata: dict[str, Any], clients: dict[str, dict[str, Any]], account: Account, name: str
) -> None:
    with relying_party(provider, clients[name]) as client:
        first, _ = sign_in(client, UserAgent(provider), metadata, account)
        second = client.refresh_token(metadata["token_endpoint"], first["refresh_token"])
        assert second["access_token"] != first["access_token"]
        told = client.introspect_token(metadata["introspection_endpoint"], second["access_token"]).json()
        assert (told["active"], told["sub"], told["client_id"]) == (True, account.sub, client.client_id)
        revoked = client.revoke_token(metadata["revocation_endpoint"], second["refresh_token"], "refresh_token")
        assert revoked.status_code == 200
        with pytest.raises(OAuthError, match="invalid_grant"):
            client.refresh_token(metadata["token_endpoint"], second["refresh_token"])
        told = client.introspect_token(metadata["introspection_endpoint"], second["access_token"]).json()
        assert told == {"active": False}


def test_one_sign_in_serves_two_clients(
    provider: Provider, metadata: dict[str, Any], clients: dict[str, dict[str, Any]], account: Account
) -> None:
    agent, forgetful = UserAgent(provider), replace(account, password="forgotten")
    for name, person in (("basic", account), ("public", forgetful)):
        with relying_party(provider, clients[name]) as client:
            _, claims = sign_in(client, agent, metadata, person)
        assert claims["sub"] == account.sub
