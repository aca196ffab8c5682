"""The OpenID Foundation's plan oidcc-test-plan with private_key_jwt, and modules about signatures of both sides.

As in test_conformance.py: a test's docstring begins with the name of the module that it repeats; the control passes.
"""

import time
from collections.abc import Mapping
from typing import Any

import jwt
import pytest

from e2e_fixtures.certification import account, against, agent
from e2e_fixtures.fapi_client import ASSERTION, FapiClient, PrivateKey, jwks_of, new_keys, sign
from e2e_fixtures.providers import Account, Ours, Provider
from e2e_fixtures.relying_party import CALLBACK, RelyingParty
from e2e_fixtures.user_agent import Callback, UserAgent
from e2e_fixtures.waiting import wait_until

__all__ = ["account", "agent"]  # fixtures

METADATA = {
    "client_name": "Certification",
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "redirect_uris": [CALLBACK],
    "scope": "openid profile email offline_access",
    "require_pkce": False,
    "token_endpoint_auth_method": "private_key_jwt",
    "assertion_audience": "token_endpoint",  # what the plan sends
    "userinfo_signed_response_alg": "RS256",
    "request_object_signing_alg": "RS256",
}


class SigningParty(RelyingParty):
    """A relying party that authenticates with assertions."""

    def __init__(self, provider: Provider, registered: dict[str, Any], keys: Mapping[str, PrivateKey]) -> None:
        super().__init__(provider, registered)
        self.signer = FapiClient(provider, registered, keys)
        self.audience: str | None = None  # None: the token endpoint

    def token(self, **form: str) -> Any:
        audience = self.audience or self.metadata["token_endpoint"]
        assertion = self.signer.assertion(alg="RS256", aud=audience)
        shown = {"client_assertion_type": ASSERTION, "client_assertion": assertion}
        return self.http.post(self.metadata["token_endpoint"], data={**form, **shown})


provider = against("post", "request-objects")


@pytest.fixture(scope="module")
def parties(provider: Provider) -> list[SigningParty]:
    """Two clients, each with keys of its own."""
    made = []
    for _ in range(2):
        keys = new_keys()
        jwks = {"keys": [{**key, "kid": "RS256"} for key in jwks_of(keys)["keys"] if key["kty"] == "RSA"]}
        made.append(SigningParty(provider, provider.register(**METADATA, jwks=jwks), keys))
    return made


@pytest.fixture
def rp(parties: list[SigningParty]) -> SigningParty:
    parties[0].audience = None
    return parties[0]


def test_server(rp: SigningParty, agent: UserAgent, account: Account) -> None:
    """oidcc-server, oidcc-idtoken-rs256, oidcc-userinfo-rs256: the answer of userinfo is a JWT for the client."""
    signed_in = rp.sign_in(agent, account, scope="openid email")
    assert signed_in.claims["sub"] == account.sub
    told = rp.http.get(rp.metadata["userinfo_endpoint"], headers={"Authorization": f"Bearer {signed_in.access_token}"})
    assert told.headers["Content-Type"].partition(";")[0] == "application/jwt"
    key = rp.keys[jwt.get_unverified_header(told.text)["kid"]]
    claims = jwt.decode(told.text, key, ["RS256"], issuer=rp.provider.issuer, audience=rp.client_id)
    assert (claims["sub"], claims["email"]) == (account.sub, account.email)


def test_assertion_for_the_issuer(rp: SigningParty, agent: UserAgent, account: Account) -> None:
    """oidcc-ensure-client-assertion-with-iss-aud-succeeds."""
    rp.audience = rp.provider.issuer
    rp.sign_in(agent, account)


def test_code_reuse(rp: SigningParty, agent: UserAgent, account: Account) -> None:
    """oidcc-codereuse."""
    asked = rp.asked()
    code = rp.answer(agent, account, asked)["code"]
    rp.accept(rp.redeem(code), asked)
    again = rp.redeem(code)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")


def test_refresh_token(parties: list[SigningParty], rp: SigningParty, agent: UserAgent, account: Account) -> None:
    """oidcc-refresh-token."""
    signed_in = rp.sign_in(agent, account, scope="openid offline_access", prompt="consent")
    token = signed_in.response["refresh_token"]
    foreign = parties[1].token(grant_type="refresh_token", refresh_token=token)
    assert (foreign.status_code, foreign.json()["error"]) == (400, "invalid_grant")
    response = rp.token(grant_type="refresh_token", refresh_token=token)
    assert (response.status_code, response.json()["access_token"] != signed_in.access_token) == (200, True)


@pytest.mark.parametrize("mode", ["query", "form_post"])
def test_request_object_that_alone_has_the_parameters(
    rp: SigningParty, agent: UserAgent, account: Account, mode: str
) -> None:
    """oidcc-request-object…, of the Form Post plan, too: `state` and `response_mode` stand in the object only. The
    plans send it unsigned, and only where the metadata name the algorithm `none`."""
    assert "none" not in rp.metadata["request_object_signing_alg_values_supported"]
    asked = rp.asked(response_mode=mode)
    now = int(time.time())
    claims = {**asked, "iss": rp.client_id, "aud": rp.provider.issuer, "iat": now, "nbf": now, "exp": now + 60}
    request = sign(claims, rp.signer.keys["RS256"], "RS256", kid="RS256", typ="oauth-authz-req+jwt")
    outside = {"client_id": rp.client_id, "response_type": "code", "scope": "openid", "request": request}
    shown = agent.sign_in(rp.url(outside), account)
    assert isinstance(shown, Callback), shown
    assert (shown.method, shown.url.partition("?")[0]) == ("POST" if mode == "form_post" else "GET", CALLBACK)
    assert (shown.parameters["state"], shown.parameters["iss"]) == (asked["state"], rp.provider.issuer)
    rp.accept(rp.redeem(shown.parameters["code"]), asked)


def test_keys_rotate(rp: SigningParty, agent: UserAgent, account: Account) -> None:
    """oidcc-server-rotate-keys: the set has a new key and still the old ones. The control's keys are fixed."""
    if not isinstance(rp.provider, Ours):
        return

    def published() -> set[str]:
        return {key["kid"] for key in rp.http.get(rp.metadata["jwks_uri"]).json()["keys"]}

    old = published()
    ran = rp.provider.stack.checkout.run("auth", "keys", "rotate", "--now")
    assert ran.returncode == 0, ran.stderr
    wait_until(lambda: bool(published() - old))
    assert old < published()
    rp.__dict__.pop("keys", None)  # of before
    assert rp.sign_in(agent, account).header["kid"] in old, "the spare, which every client knows already"
