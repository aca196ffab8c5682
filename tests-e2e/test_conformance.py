"""The OpenID Foundation's certification plans for a provider, written again as our own tests.

Basic OP, Form Post OP and Config OP, static clients, over https. A test's docstring begins with the name of the plan's
module that it repeats. The control, a certified provider, has to pass each test too. Other plans are beside this file.
"""

import json
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest

from e2e_fixtures.certification import against, agent
from e2e_fixtures.providers import (
    OF_ADDRESS,
    OF_PHONE,
    OF_PROFILE,
    Account,
    Provider,
    forgetful,
)
from e2e_fixtures.relying_party import CALLBACK, RelyingParty
from e2e_fixtures.user_agent import Callback, Page, UserAgent

__all__ = ["agent"]  # fixtures

WITH_QUERY = f"{CALLBACK}?from=the+plan"
METADATA = {
    "client_name": "Certification",
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "redirect_uris": [CALLBACK, WITH_QUERY],
    "scope": "openid profile email address phone offline_access",
    "require_pkce": False,  # the plans are older than PKCE
    "id_token_claims": "minimal",  # the plans warn at claims of the scopes in ID tokens
}
REAUTHENTICATED = 1.1  # seconds; auth_time has whole seconds

provider = against("post")


@pytest.fixture(scope="module")
def registered(provider: Provider) -> dict[str, dict[str, Any]]:
    methods = {"basic": "client_secret_basic", "second": "client_secret_basic", "post": "client_secret_post"}
    return {name: provider.register(**METADATA, token_endpoint_auth_method=method) for name, method in methods.items()}


@pytest.fixture(params=["query", "form_post"])
def rp(provider: Provider, registered: dict[str, dict[str, Any]], request: pytest.FixtureRequest) -> RelyingParty:
    return RelyingParty(provider, registered["basic"], request.param)


@pytest.fixture
def plain(provider: Provider, registered: dict[str, dict[str, Any]]) -> RelyingParty:
    """A relying party for tests in which the response mode makes no difference."""
    return RelyingParty(provider, registered["basic"])


@pytest.fixture(scope="module")
def account(provider: Provider) -> Account:
    account = provider.sign_up()
    provider.describe(account)
    return account


class TestConfig:
    def test_metadata(self, plain: RelyingParty) -> None:
        """oidcc-discovery-endpoint-verification."""
        response = plain.http.get("/.well-known/openid-configuration")
        assert response.headers["Content-Type"].partition(";")[0] == "application/json"
        metadata = response.json()
        assert metadata["issuer"] == plain.provider.issuer
        assert "code" in metadata["response_types_supported"]
        assert "public" in metadata["subject_types_supported"]
        assert "RS256" in metadata["id_token_signing_alg_values_supported"]
        assert "openid" in metadata["scopes_supported"]
        assert {"sub", "name", "email"} <= set(metadata["claims_supported"])
        assert {"authorization_code", "refresh_token"} <= set(metadata["grant_types_supported"])
        assert isinstance(metadata["code_challenge_methods_supported"], list)
        # The default is true (OIDC Discovery §3).
        assert metadata["request_uri_parameter_supported"] is False
        scheme = plain.provider.issuer.partition(":")[0]
        needed = {"authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "end_session_endpoint"}
        assert needed <= set(metadata)
        addresses = [value for name, value in metadata.items() if name in needed or name.endswith("_endpoint")]
        assert all(address.startswith(f"{scheme}://") for address in addresses), addresses

    def test_keys(self, plain: RelyingParty) -> None:
        """oidcc-discovery-endpoint-verification: the key set is public, and its keys have ids (OIDC Core §10.1)."""
        keys = plain.http.get(plain.metadata["jwks_uri"]).json()["keys"]
        assert len({key["kid"] for key in keys}) == len(keys)
        assert all(not set(key) & {"d", "p", "q", "dp", "dq", "qi", "k"} for key in keys)


class TestBasic:
    def test_server(self, rp: RelyingParty, agent: UserAgent, account: Account) -> None:
        """oidcc-server, oidcc-idtoken-signature."""
        assert rp.sign_in(agent, account).claims["sub"] == account.sub

    def test_client_secret_post(
        self, provider: Provider, registered: dict[str, dict[str, Any]], agent: UserAgent, account: Account
    ) -> None:
        """oidcc-server-client-secret-post."""
        RelyingParty(provider, registered["post"]).sign_in(agent, account)

    def test_response_type_missing(self, rp: RelyingParty, agent: UserAgent, account: Account) -> None:
        """oidcc-response-type-missing."""
        asked = rp.asked(response_type=None)
        shown = agent.sign_in(rp.url(asked), account)
        if isinstance(shown, Page):
            assert (400 <= shown.status < 500, "sign-in" in shown) == (True, False)
        else:
            assert rp.checked(shown, asked)["error"] in ("invalid_request", "unsupported_response_type")

    @pytest.mark.parametrize("way", ["get", "post-header", "post-body"])
    def test_userinfo(self, plain: RelyingParty, agent: UserAgent, account: Account, way: str) -> None:
        """oidcc-userinfo-get, oidcc-userinfo-post-header, oidcc-userinfo-post-body."""
        token = plain.sign_in(agent, account).access_token
        header, body = {"Authorization": f"Bearer {token}"}, {"access_token": token}
        asked: dict[str, Any] = {"data": body} if way == "post-body" else {"headers": header}
        method = "GET" if way == "get" else "POST"
        response = plain.http.request(method, plain.metadata["userinfo_endpoint"], **asked)
        assert (response.status_code, response.json()["sub"]) == (200, account.sub)

    def test_request_without_nonce(self, rp: RelyingParty, agent: UserAgent, account: Account) -> None:
        """oidcc-ensure-request-without-nonce-succeeds-for-code-flow."""
        assert "nonce" not in rp.sign_in(agent, account, nonce=None).claims

    def test_request_without_state(self, rp: RelyingParty, agent: UserAgent, account: Account) -> None:
        """The plans have no module for it, but `state` is optional (OIDC Core §3.1.2.1)."""
        rp.sign_in(agent, account, state=None)

    @pytest.mark.parametrize("scope", ["profile", "email", "address", "phone"])
    def test_scope(self, plain: RelyingParty, agent: UserAgent, account: Account, scope: str) -> None:
        """oidcc-scope-profile, oidcc-scope-email, oidcc-scope-address, oidcc-scope-phone."""
        assert scope in plain.metadata["scopes_supported"], "the suite would skip the module"
        signed_in = plain.sign_in(agent, account, scope=f"openid {scope}")
        check_claims(plain.userinfo(signed_in), account, {scope})
        check_claims(signed_in.claims, account, set())

    def test_scope_all(self, plain: RelyingParty, agent: UserAgent, account: Account) -> None:
        """oidcc-scope-all."""
        signed_in = plain.sign_in(agent, account, scope="openid profile email address phone")
        check_claims(plain.userinfo(signed_in), account, {"profile", "email", "address", "phone"})

    def test_other_order(self, rp: RelyingParty, agent: UserAgent, account: Account) -> None:
        """oidcc-ensure-other-scope-order-succeeds, oidcc-alternate-happy-flow: of scopes, and of parameters."""
        asked = rp.asked(scope="email openid")
        answer = rp.answer(agent, account, dict(reversed(asked.items())))
        check_claims(rp.userinfo(rp.accept(rp.redeem(answer["code"]), asked)), account, {"email"})

    def test_scope_openid_alone_tells_no_more(self, plain: RelyingParty, agent: UserAgent, account: Account) -> None:
        check_claims(plain.userinfo(plain.sign_in(agent, account)), account, set())

    @pytest.mark.parametrize(
        "further",
        [
            {"display": "page"},
            {"display": "popup"},
            {"extra": "foobar"},
            {"login_hint": "buffy@example.com"},
            {"ui_locales": "se"},
            {"claims_locales": "se"},
            {"acr_values": "1 2"},
        ],
        ids=lambda further: next(iter(further)) + "=" + next(iter(further.values())),
    )
    def test_parameter_does_no_harm(
        self, rp: RelyingParty, agent: UserAgent, account: Account, further: dict[str, str | None]
    ) -> None:
        """oidcc-display-page, oidcc-display-popup, oidcc-ensure-request-with-unknown-parameter-succeeds,
        oidcc-login-hint, oidcc-ui-locales, oidcc-claims-locales, oidcc-ensure-request-with-acr-values-succeeds."""
        claims = rp.sign_in(agent, account, **further).claims
        assert "acr" in claims or "acr_values" not in further

    def test_prompt_login(self, rp: RelyingParty, agent: UserAgent, account: Account) -> None:
        """oidcc-prompt-login: the password is asked for again, and `auth_time` is newer."""
        first = rp.sign_in(agent, account, max_age="10000").claims
        time.sleep(REAUTHENTICATED)
        asked = rp.asked(prompt="login", max_age="10000")
        shown = agent.open(rp.url(asked))
        assert isinstance(shown, Page)
        assert "sign-in" in shown
        second = rp.sign_in(agent, account, prompt="login", max_age="10000").claims
        assert (second["sub"], second["auth_time"] > first["auth_time"]) == (account.sub, True)

    def test_max_age_1(self, rp: RelyingParty, agent: UserAgent, account: Account) -> None:
        """oidcc-max-age-1."""
        first = rp.sign_in(agent, account, max_age="10000").claims
        time.sleep(1 + REAUTHENTICATED)
        shown = agent.open(rp.url(rp.asked(max_age="1")))
        assert isinstance(shown, Page)
        assert "sign-in" in shown
        second = rp.sign_in(agent, account, max_age="1").claims
        assert (second["sub"], second["auth_time"] > first["auth_time"]) == (account.sub, True)

    def test_max_age_10000(self, rp: RelyingParty, agent: UserAgent, account: Account) -> None:
        """oidcc-max-age-10000: the password is not asked for again, and `auth_time` stays the same."""
        first = rp.sign_in(agent, account, max_age="10000").claims
        second = rp.sign_in(agent, forgetful(account), max_age="10000").claims
        assert (second["sub"], second["auth_time"]) == (account.sub, first["auth_time"])

    def test_prompt_none_not_logged_in(self, rp: RelyingParty, agent: UserAgent, account: Account) -> None:
        """oidcc-prompt-none-not-logged-in."""
        assert rp.answer(agent, account, rp.asked(prompt="none"))["error"] == "login_required"

    def test_prompt_none_logged_in(self, rp: RelyingParty, agent: UserAgent, account: Account) -> None:
        """oidcc-prompt-none-logged-in."""
        first = rp.sign_in(agent, account).claims
        second = rp.sign_in(agent, forgetful(account), prompt="none").claims
        assert (first["sub"], first.get("auth_time")) == (second["sub"], second.get("auth_time"))

    def test_id_token_hint(self, rp: RelyingParty, agent: UserAgent, account: Account) -> None:
        """oidcc-id-token-hint."""
        hint = rp.sign_in(agent, account).id_token
        assert rp.sign_in(agent, forgetful(account), prompt="none", id_token_hint=hint).claims["sub"] == account.sub

    def test_id_token_hint_of_somebody_else(self, rp: RelyingParty, agent: UserAgent, account: Account) -> None:
        """OIDC Core §3.1.2.1: with prompt=none, a hint for another person than the signed-in one is an error."""
        hint = rp.sign_in(UserAgent(rp.provider), rp.provider.sign_up()).id_token
        rp.sign_in(agent, account)
        assert rp.answer(agent, account, rp.asked(prompt="none", id_token_hint=hint))["error"] == "login_required"

    def test_code_reuse(self, rp: RelyingParty, agent: UserAgent, account: Account) -> None:
        """oidcc-codereuse, oidcc-codereuse-30seconds: refused, and the code's tokens are revoked (RFC 6749 §4.1.2)."""
        asked = rp.asked()
        code = rp.answer(agent, account, asked)["code"]
        first = rp.accept(rp.redeem(code), asked)
        again = rp.redeem(code)
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
        headers = {"Authorization": f"Bearer {first.access_token}"}
        assert rp.http.get(rp.metadata["userinfo_endpoint"], headers=headers).status_code == 401

    @pytest.mark.parametrize(
        "other", [f"{CALLBACK}/", f"{CALLBACK}?from=elsewhere", f"{WITH_QUERY}&x=1", "https://evil.example.com/", None]
    )
    def test_unregistered_redirect_uri(
        self, plain: RelyingParty, agent: UserAgent, account: Account, other: str | None
    ) -> None:
        """oidcc-ensure-registered-redirect-uri, oidcc-redirect-uri-query-mismatch, -query-added: no redirect."""
        shown = agent.sign_in(plain.url(plain.asked(redirect_uri=other)), account)
        assert isinstance(shown, Page)
        assert (400 <= shown.status < 500, "sign-in" in shown) == (True, False)

    def test_redirect_uri_keeps_its_query(self, rp: RelyingParty, agent: UserAgent, account: Account) -> None:
        """oidcc-redirect-uri-query-ok (RFC 6749 §3.1.2)."""
        asked = rp.asked(redirect_uri=WITH_QUERY)
        shown = agent.sign_in(rp.url(asked), account)
        assert isinstance(shown, Callback), shown
        assert parse_qs(urlsplit(shown.url).query)["from"] == ["the plan"]
        form = {"code": shown.parameters["code"], "redirect_uri": WITH_QUERY}
        rp.accept(rp.token(grant_type="authorization_code", **form), asked)

    def test_post_request(self, rp: RelyingParty, agent: UserAgent, account: Account) -> None:
        """oidcc-ensure-post-request-succeeds: the form is on another site, so the browser sends no cookies with it."""
        asked = rp.asked()
        shown = agent.post_form(rp.metadata["authorization_endpoint"], asked, origin="https://rp.example.com")
        answer = rp.checked(agent.go_on(shown, account), asked)
        rp.accept(rp.redeem(answer["code"]), asked)

    @pytest.mark.parametrize("name", ["request", "request_uri"])
    @pytest.mark.parametrize("redirect_uri", [CALLBACK, "https://evil.example.com/callback"])
    def test_request_object(
        self, rp: RelyingParty, agent: UserAgent, account: Account, name: str, redirect_uri: str
    ) -> None:
        """oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported,
        oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported,
        oidcc-ensure-request-object-with-redirect-uri: refused as unsupported; with a wrong redirect_uri, on a page.
        The suite skips those of `request`, as the metadata do not name the algorithm `none`."""
        claims = rp.asked()
        unsigned = jwt.encode({**claims, "iss": rp.client_id, "aud": rp.provider.issuer}, "", "none")
        value = unsigned if name == "request" else "https://rp.example.com/request.jwt"
        asked = rp.asked(**{name: value}, redirect_uri=redirect_uri)
        shown = agent.sign_in(rp.url(asked), account)
        if redirect_uri == CALLBACK:
            assert rp.checked(shown, asked)["error"] == f"{name}_not_supported"
        else:
            assert isinstance(shown, Page)

    def test_claims_essential(self, rp: RelyingParty, agent: UserAgent, account: Account) -> None:
        """oidcc-claims-essential."""
        claims = json.dumps({"userinfo": {"name": {"essential": True}}})
        assert rp.userinfo(rp.sign_in(agent, account, claims=claims))["name"] == account.name

    def test_claims_auth_time(self, rp: RelyingParty, agent: UserAgent, account: Account) -> None:
        """OIDC Core §2: the ID token has `auth_time` when it is requested as an essential claim."""
        claims = json.dumps({"id_token": {"auth_time": {"essential": True}}})
        assert isinstance(rp.sign_in(agent, account, claims=claims).claims["auth_time"], int)

    def test_refresh_token(
        self, rp: RelyingParty, registered: dict[str, dict[str, Any]], agent: UserAgent, account: Account
    ) -> None:
        """oidcc-refresh-token: only its own client can use it. An ID token in the response belongs to the same
        sign-in (OIDC Core §12.2)."""
        signed_in = rp.sign_in(agent, account, scope="openid offline_access", prompt="consent")
        token = signed_in.response["refresh_token"]
        assert all(32 < ord(letter) < 127 for letter in token)
        foreign = RelyingParty(rp.provider, registered["second"]).token(grant_type="refresh_token", refresh_token=token)
        assert (foreign.status_code, foreign.json()["error"]) == (400, "invalid_grant")
        response = rp.token(grant_type="refresh_token", refresh_token=token)
        assert response.status_code == 200, response.text
        assert response.json()["access_token"] != signed_in.access_token
        if "id_token" in response.json():
            claims = jwt.decode(response.json()["id_token"], options={"verify_signature": False})
            same = ("iss", "sub", "aud", "auth_time")
            assert [claims.get(name) for name in same] == [signed_in.claims.get(name) for name in same]

    def test_valid_pkce(self, rp: RelyingParty, agent: UserAgent, account: Account) -> None:
        """oidcc-ensure-request-with-valid-pkce-succeeds."""
        asked = rp.asked(code_challenge="7w_YNF9DSfIdPf_pRjSq646_kPr-2-o9NAl16JGghdM", code_challenge_method="S256")
        rp.accept(rp.redeem(rp.answer(agent, account, asked)["code"], code_verifier="v" * 43), asked)

    def test_person_refuses(self, rp: RelyingParty, agent: UserAgent) -> None:
        """RFC 6749 §4.1.2.1: the client gets `access_denied`, in both response modes."""
        asked, stranger = rp.asked(), rp.provider.sign_up()
        page = agent.open(rp.url(asked))
        assert isinstance(page, Page)
        page = agent.press(page, "sign-in", email=stranger.email, password=stranger.password)
        assert isinstance(page, Page)
        assert rp.checked(agent.press(page, "deny"), asked)["error"] == "access_denied"


def check_claims(claims: dict[str, Any], account: Account, scopes: set[str]) -> None:
    """OIDC Core §5.1 and §5.4: the claims are those of the granted scopes, each of its type, and no others."""
    assert ("profile" in scopes, claims.get("name")) in ((True, account.name), (False, None))
    assert ("email" in scopes, claims.get("email")) in ((True, account.email), (False, None))
    assert ("email" in scopes, type(claims.get("email_verified"))) in ((True, bool), (False, type(None)))
    for scope, told in {"profile": OF_PROFILE, "address": OF_ADDRESS, "phone": OF_PHONE}.items():
        assert {name: claims[name] for name in told if name in claims} == (told if scope in scopes else {})
    assert type(claims.get("updated_at", 0)) is int
