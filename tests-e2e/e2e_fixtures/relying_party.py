"""The tests' own relying party: it can send requests that no library sends, and it checks each answer."""

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

import httpx2
import jwt

from e2e_fixtures.providers import Account, Provider
from e2e_fixtures.user_agent import Callback, Page, UserAgent

CALLBACK = "https://rp.example.com/callback"
SIGNED_OUT = "https://rp.example.com/signed-out"


@dataclass(frozen=True)
class SignedIn:
    """The token response, and the ID token's claims after all checks."""

    response: dict[str, Any]
    header: dict[str, Any]
    claims: dict[str, Any]

    @property
    def access_token(self) -> str:
        token: str = self.response["access_token"]
        return token

    @property
    def id_token(self) -> str:
        token: str = self.response["id_token"]
        return token


@dataclass
class Party:
    """A client at a provider."""

    provider: Provider
    registered: dict[str, Any]
    http: httpx2.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = self.provider.client()

    @property
    def client_id(self) -> str:
        client_id: str = self.registered["client_id"]
        return client_id

    @cached_property
    def metadata(self) -> dict[str, Any]:
        found: dict[str, Any] = self.http.get("/.well-known/openid-configuration").json()
        return found


@dataclass
class RelyingParty(Party):
    mode: str = "query"

    @cached_property
    def keys(self) -> dict[str, jwt.PyJWK]:
        found = self.http.get(self.metadata["jwks_uri"]).json()["keys"]
        return {key["kid"]: jwt.PyJWK(key) for key in found}

    def asked(self, **changes: str | None) -> dict[str, str]:
        """The parameters of an authorization request; a parameter that is set to None is left out."""
        usual = {"client_id": self.client_id, "redirect_uri": CALLBACK, "response_type": "code", "scope": "openid"}
        usual |= {"state": secrets.token_urlsafe(12), "nonce": secrets.token_urlsafe(12)}
        if self.mode != "query":
            usual["response_mode"] = self.mode
        return {name: value for name, value in {**usual, **changes}.items() if value is not None}

    def url(self, asked: dict[str, str]) -> str:
        return f"{self.metadata['authorization_endpoint']}?{urlencode(asked)}"

    def answer(self, agent: UserAgent, account: Account, asked: dict[str, str]) -> dict[str, str]:
        """The parameters that the redirect_uri receives, after checks of response mode, `state` and `iss`."""
        return self.checked(agent.sign_in(self.url(asked), account), asked)

    def checked(self, shown: Page | Callback, asked: dict[str, str]) -> dict[str, str]:
        assert isinstance(shown, Callback), shown
        assert (shown.method, shown.url.partition("?")[0]) == ("GET" if self.mode == "query" else "POST", CALLBACK)
        parameters = shown.parameters
        assert parameters.get("state") == asked.get("state")
        assert parameters["iss"] == self.provider.issuer  # RFC 9207 §2
        return parameters

    def sign_in(self, agent: UserAgent, account: Account, **changes: str | None) -> SignedIn:
        asked = self.asked(**changes)
        answer = self.answer(agent, account, asked)
        assert "error" not in answer, answer
        return self.accept(self.redeem(answer["code"]), asked)

    def redeem(self, code: str, **further: str) -> httpx2.Response:
        return self.token(grant_type="authorization_code", code=code, redirect_uri=CALLBACK, **further)

    def token(self, **form: str) -> httpx2.Response:
        secret: str = self.registered.get("client_secret", "")
        method = self.registered["token_endpoint_auth_method"]
        if method == "client_secret_post":
            form |= {"client_id": self.client_id, "client_secret": secret}
        auth = httpx2.BasicAuth(self.client_id, secret) if method == "client_secret_basic" else httpx2.Auth()
        return self.http.post(self.metadata["token_endpoint"], data=form, auth=auth)

    def accept(self, response: httpx2.Response, asked: dict[str, str]) -> SignedIn:
        """Check a token response (RFC 6749 §5.1) and its ID token (OIDC Core §3.1.3.7)."""
        assert response.status_code == 200, response.text
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Content-Type"].partition(";")[0] == "application/json"
        tokens = response.json()
        assert (tokens["token_type"].lower(), tokens["expires_in"] > 0) == ("bearer", True)
        header = jwt.get_unverified_header(tokens["id_token"])
        assert header["alg"] == "RS256"
        claims = jwt.decode(
            tokens["id_token"],
            self.keys[header["kid"]],
            algorithms=["RS256"],
            issuer=self.provider.issuer,
            audience=self.client_id,
            options={"require": ["iss", "sub", "aud", "exp", "iat"]},
        )
        assert claims.get("nonce") == asked.get("nonce")
        if "at_hash" in claims:
            assert claims["at_hash"] == half_hash(tokens["access_token"])
        if "max_age" in asked:
            assert isinstance(claims["auth_time"], int)
        return SignedIn(tokens, header, claims)

    def userinfo(self, signed_in: SignedIn) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {signed_in.access_token}"}
        response = self.http.get(self.metadata["userinfo_endpoint"], headers=headers)
        assert response.status_code == 200, response.text
        claims: dict[str, Any] = response.json()
        assert claims["sub"] == signed_in.claims["sub"]
        return claims

    def end_session_url(self, **asked: str) -> str:
        return f"{self.metadata['end_session_endpoint']}?{urlencode(asked)}"


def half_hash(token: str) -> str:
    """The value of `at_hash` for a token (OIDC Core §3.1.3.6)."""
    digest = hashlib.sha256(token.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest[:16]).rstrip(b"=").decode()
