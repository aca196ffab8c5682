"""The OpenID Foundation's plan for FAPI 2.0, Security Profile (final), written again as our own tests.

With private_key_jwt and DPoP, OpenID Connect, and requests that are pushed unsigned. Its modules about proofs are in
test_conformance_dpop.py. A test's docstring begins with the names of the plan's modules that it repeats, without
`fapi2-security-profile-final-`. The control, a certified provider, has to pass each test too. Two modules wait longer
than a minute for something to expire; auth-service's test_fapi2.py and test_par.py do that with a clock.
"""

import json
import time
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from e2e_fixtures.fapi_client import FapiClient, thumbprint
from e2e_fixtures.fapi_scene import account, agent, clients, is_refused, other, provider, rp
from e2e_fixtures.providers import Account, Provider
from e2e_fixtures.relying_party import CALLBACK
from e2e_fixtures.user_agent import Callback, Page, UserAgent

__all__ = ["account", "agent", "clients", "other", "provider", "rp"]  # fixtures


class TestConfig:
    def test_metadata(self, rp: FapiClient) -> None:
        """discovery-end-point-verification."""
        strong = {"PS256", "ES256", "EdDSA"}
        assert rp.metadata["issuer"] == rp.provider.issuer
        assert strong & set(rp.metadata["dpop_signing_alg_values_supported"])
        assert strong & set(rp.metadata["id_token_signing_alg_values_supported"])
        assert strong & set(rp.metadata["token_endpoint_auth_signing_alg_values_supported"])
        assert strong & set(rp.metadata.get("userinfo_signing_alg_values_supported", strong))
        assert "private_key_jwt" in rp.metadata["token_endpoint_auth_methods_supported"]
        assert "S256" in rp.metadata["code_challenge_methods_supported"]
        assert rp.metadata["authorization_response_iss_parameter_supported"] is True


class TestRequests:
    @pytest.mark.parametrize(
        "changes",
        [
            {}, {"state": None}, {"nonce": None}, {"nonce": "n" * 64}, {"scope": "email openid"}, {"state": "s" * 1000},
            {"claims": json.dumps({"id_token": {"email": {"essential": True}}, "userinfo": {"name": None}})},
        ],
        ids=["happy", "without-state", "without-nonce", "64-char-nonce", "other-scope-order", "long-state", "claims"],
    )  # fmt: skip
    def test_request_that_is_answered(
        self, rp: FapiClient, agent: UserAgent, account: Account, changes: dict[str, str | None]
    ) -> None:
        """happy-flow, ensure-authorization-request-without-state-success, -without-nonce-success, -with-64-char-nonce-
        success, -with-long-state, ensure-other-scope-order-succeeds, test-claims-parameter-identity-claims,
        par-without-duplicate-parameters."""
        tokens = rp.signed_in(agent, account, **changes)
        assert tokens["claims"]["sub"] == account.sub
        told = rp.resource(rp.metadata["userinfo_endpoint"], tokens["access_token"])
        assert (told.status_code, told.json()["sub"]) == (200, account.sub)
        if "claims" in changes:
            assert (tokens["claims"]["email"], told.json()["name"]) == (account.email, account.name)

    def test_long_nonce(self, rp: FapiClient, agent: UserAgent, account: Account) -> None:
        """ensure-authorization-request-with-long-nonce: returned as it is, or refused."""
        asked = rp.asked(nonce="n" * 384)
        pushed = rp.push(asked)
        if pushed.status_code == 201:
            answer = rp.checked(agent.sign_in(rp.url(pushed.json()["request_uri"]), account), asked)
            assert rp.accept(rp.redeem(answer["code"]), asked)["claims"]["nonce"] == asked["nonce"]
        else:
            assert is_refused(pushed, "invalid_request")

    def test_person_refuses(self, rp: FapiClient, agent: UserAgent, provider: Provider) -> None:
        """user-rejects-authentication."""
        asked, stranger = rp.asked(), provider.sign_up()
        page = agent.open(rp.url(rp.pushed(asked)))
        assert isinstance(page, Page)
        page = agent.press(page, "sign-in", email=stranger.email, password=stranger.password)
        assert isinstance(page, Page)
        assert rp.checked(agent.press(page, "deny"), asked)["error"] == "access_denied"

    @pytest.mark.parametrize("pushed_state", ["inside", None])
    def test_what_stands_beside_a_pushed_request_does_not_count(
        self, rp: FapiClient, agent: UserAgent, account: Account, pushed_state: str | None
    ) -> None:
        """ensure-different-nonce-inside-and-outside-request-object, -different-state-…, state-only-outside-request-
        object-not-used."""
        asked = rp.asked(state=pushed_state)
        shown = agent.sign_in(rp.url(rp.pushed(asked), state="beside", nonce="beside"), account)
        rp.accept(rp.redeem(rp.checked(shown, asked)["code"]), asked)

    def test_request_that_was_not_pushed(self, rp: FapiClient, agent: UserAgent, account: Account) -> None:
        """ensure-unsigned-authorization-request-without-using-par-fails."""
        asked = rp.asked()
        shown = agent.sign_in(rp.url("", **asked).replace("&request_uri=", ""), account)
        if isinstance(shown, Callback):
            assert rp.checked(shown, asked)["error"] in ("invalid_request", "invalid_request_object")
        else:
            assert (400 <= shown.status < 500, "sign-in" in shown) == (True, False)

    def test_request_uri_is_good_until_its_person_has_answered(
        self, rp: FapiClient, agent: UserAgent, account: Account
    ) -> None:
        """par-ensure-reused-request-uri-prior-to-auth-completion-succeeds, par-attempt-reuse-request_uri: then it is
        not used again."""
        asked = rp.asked()
        url = rp.url(rp.pushed(asked))
        first = agent.open(url)
        assert isinstance(first, Page)
        assert "sign-in" in first
        rp.accept(rp.redeem(rp.checked(agent.sign_in(url, account), asked)["code"]), asked)
        again = agent.sign_in(url, account)
        if isinstance(again, Callback):
            assert again.parameters["error"] == "invalid_request_uri"
        else:
            assert (400 <= again.status < 500, "sign-in" in again) == (True, False)

    def test_request_uri_of_another_client(
        self, rp: FapiClient, other: FapiClient, agent: UserAgent, account: Account
    ) -> None:
        """par-attempt-to-use-request_uri-for-different-client."""
        shown = agent.sign_in(other.url(rp.pushed(rp.asked())), account)
        assert isinstance(shown, Page), shown
        assert (400 <= shown.status < 500, "sign-in" in shown) == (True, False)


REFUSED_PUSHES: dict[str, tuple[dict[str, str | None], tuple[str, ...]]] = {
    "unregistered-redirect-uri": ({"redirect_uri": f"{CALLBACK}/other"}, ("invalid_request",)),
    "without-redirect-uri": ({"redirect_uri": None}, ("invalid_request",)),
    "response-type-code-idtoken": (
        {"response_type": "code id_token"}, ("unsupported_response_type", "unauthorized_client", "invalid_request")
    ),
    "response-type-token": (
        {"response_type": "token"}, ("unsupported_response_type", "unauthorized_client", "invalid_request")
    ),
    "request_uri": (
        {"request_uri": "urn:example:x"}, ("invalid_request", "invalid_request_object", "request_uri_not_supported")
    ),
    "pkce-required": ({"code_challenge": None, "code_challenge_method": None}, ("invalid_request",)),
    "plain-pkce": ({"code_challenge": "v" * 43, "code_challenge_method": "plain"}, ("invalid_request",)),
}  # fmt: skip


class TestPushing:
    @pytest.mark.parametrize("name", REFUSED_PUSHES)
    def test_push_is_refused(self, rp: FapiClient, name: str) -> None:
        """ensure-registered-redirect-uri, plain-fapi-tolerate-unregistered-redirect-uri, ensure-redirect-uri-in-
        authorization-request, ensure-request-object-without-redirect-uri-fails, ensure-response-type-code-idtoken-
        fails, ensure-response-type-token-fails, par-authorization-request-containing-request_uri-form-param,
        par-pkce-required, par-plain-pkce-rejected."""
        changes, errors = REFUSED_PUSHES[name]
        assert is_refused(rp.push(rp.asked(**changes)), *errors), name

    def test_another_method(self, rp: FapiClient) -> None:
        """par-attempt-invalid-http-method (RFC 9126 §2.3)."""
        endpoint = rp.metadata["pushed_authorization_request_endpoint"]
        assert rp.http.put(endpoint, data=rp.asked()).status_code in (404, 405)

    def test_key_is_bound_when_a_request_is_pushed(self, rp: FapiClient, agent: UserAgent, account: Account) -> None:
        """ensure-dpop-auth-code-binding-success, ensure-dpopproof-with-par-endpoint-binding-success, ensure-mismatched-
        dpop-jkt-fails, ensure-token-endpoint-fails-with-mismatched-dpop-jkt, -with-mismatched-dpop-proof-jkt."""
        thief, ours = ec.generate_private_key(ec.SECP256R1()), thumbprint(rp.dpop_key)
        for jkt, dpop in ((ours, None), (None, {}), (ours, {})):
            asked = rp.asked(dpop_jkt=jkt)
            code = rp.answer(agent, account, asked, dpop=dpop)["code"]
            errors = ("invalid_request", "invalid_grant", "invalid_dpop_proof")
            assert is_refused(rp.redeem(code, dpop={"key": thief}), *errors)
            asked = rp.asked(dpop_jkt=jkt)  # a provider may end a code that was tried
            rp.accept(rp.redeem(rp.answer(agent, account, asked, dpop=dpop)["code"]), asked)
        differs = rp.push(rp.asked(dpop_jkt=thumbprint(thief)), dpop={})
        assert is_refused(differs, "invalid_request", "invalid_dpop_proof")


def assertions(rp: FapiClient) -> dict[str, dict[str, Any]]:
    """Assertions that must not be accepted."""
    now, audiences = int(time.time()), [rp.provider.issuer, "https://other.example.com"]
    return {
        "signed-client-assertion-with-RS256": {"alg": "RS256"},
        "exp-is-5-minutes-in-past": {"exp": now - 300, "iat": now - 360},
        "wrong-aud": {"aud": "https://other.example.com"},
        "no-sub": {"sub": None},
        "iat-nbf-over-60-seconds-in-the-future": {"iat": now + 75, "nbf": now + 75, "exp": now + 135},
        "array-as-audience": {"aud": audiences},
        "par-endpoint-as-audience": {"aud": rp.metadata["pushed_authorization_request_endpoint"]},
        "token-endpoint-as-audience": {"aud": rp.metadata["token_endpoint"]},
    }


NAMES_OF_ASSERTIONS = (
    *("signed-client-assertion-with-RS256", "exp-is-5-minutes-in-past", "wrong-aud", "no-sub"),
    *("iat-nbf-over-60-seconds-in-the-future", "array-as-audience", "par-endpoint-as-audience"),
    "token-endpoint-as-audience",
)


class TestAuthentication:
    @pytest.mark.parametrize("name", NAMES_OF_ASSERTIONS)
    def test_assertion_is_refused(self, rp: FapiClient, name: str) -> None:
        """ensure-signed-client-assertion-with-RS256-fails, ensure-client-assertion-with-exp-is-5-minutes-in-past-fails,
        -with-wrong-aud-fails, -with-no-sub-fails, par-ensure-jwt-client-assertion-with-iat-nbf-over-60-…-fails,
        par-test-array-as-audience-fails, par-test-par-endpoint-url-as-audience-fails, par-test-token-endpoint-url-…"""
        claims = assertions(rp)[name]
        errors = ("invalid_client", "invalid_request")
        assert is_refused(rp.push(rp.asked(), assertion=claims), *errors)
        assert is_refused(rp.redeem("x", assertion=claims), *errors)

    def test_clock_that_runs_eight_seconds_fast(self, rp: FapiClient) -> None:
        """par-ensure-jwt-client-assertion-with-iat-nbf-8-seconds-in-the-future-is-accepted."""
        ahead = int(time.time()) + 8
        rp.pushed(rp.asked(), assertion={"iat": ahead, "nbf": ahead, "exp": ahead + 60})

    def test_code_of_another_client(
        self, rp: FapiClient, other: FapiClient, agent: UserAgent, account: Account
    ) -> None:
        """ensure-authorization-code-is-bound-to-client, ensure-client-id-in-token-endpoint, ensure-client-assertion-in-
        token-endpoint."""
        code = rp.answer(agent, account, rp.asked())["code"]
        assert is_refused(other.redeem(code), "invalid_grant", "invalid_client")
        key = rp.keys["ES256"]
        assert is_refused(other.redeem(code, assertion={"key": key}), "invalid_grant", "invalid_client")
        assert is_refused(rp.redeem(code, assertion=None), "invalid_client", "invalid_request")


class TestCodes:
    @pytest.mark.parametrize("verifier", [None, "w" * 43])
    def test_code_without_its_verifier(
        self, rp: FapiClient, agent: UserAgent, account: Account, verifier: str | None
    ) -> None:
        """ensure-pkce-code-verifier-required, incorrect-pkce-code-verifier-rejected."""
        code = rp.answer(agent, account, rp.asked())["code"]
        assert is_refused(rp.redeem(code, verifier=verifier), "invalid_grant", "invalid_request")

    def test_code_works_once(self, rp: FapiClient, agent: UserAgent, account: Account) -> None:
        """attempt-reuse-authorization-code-after-one-second. Its access token ends, too (RFC 6749 §4.1.2)."""
        asked = rp.asked()
        code = rp.answer(agent, account, asked)["code"]
        tokens = rp.accept(rp.redeem(code), asked)
        assert is_refused(rp.redeem(code), "invalid_grant")
        assert rp.resource(rp.metadata["userinfo_endpoint"], tokens["access_token"]).status_code == 401

    def test_code_without_a_proof(self, rp: FapiClient, agent: UserAgent, account: Account) -> None:
        """ensure-holder-of-key-required (its part about TLS: test_tls.py and the gateway's tests)."""
        code = rp.answer(agent, account, rp.asked())["code"]
        assert is_refused(rp.redeem(code, dpop=None), "invalid_request", "invalid_grant", "invalid_dpop_proof")

    def test_refresh_token(self, rp: FapiClient, other: FapiClient, agent: UserAgent, account: Account) -> None:
        """refresh-token: bound to the client, of use only with a proof, and not replaced (§5.3.2.1)."""
        asked = {"scope": "openid offline_access", "prompt": "consent"}
        token = rp.signed_in(agent, account, **asked)["refresh_token"]
        assert all(32 < ord(letter) < 127 for letter in token)
        renewed = rp.accept(rp.refresh(token), None)
        assert renewed.get("refresh_token", token) == token
        without = rp.refresh(token, dpop=None)
        assert is_refused(without, "invalid_grant", "invalid_request")
        theirs = other.signed_in(agent, account, **asked)["refresh_token"]
        assert is_refused(rp.refresh(theirs), "invalid_grant")
