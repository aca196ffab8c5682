"""A signed-in person and clients of the code flow. Codes are made by the authorization endpoint's own code."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx2

from auth_service.oauth.claims_parameter import parse
from auth_service.oauth.pkce import derive_challenge
from auth_service.sealed import opaque
from auth_service.store.database import Database
from auth_service.store.together import send
from auth_service.tokens import authorization_codes
from auth_service.tokens.authorization_codes import Authorization

from .conftest import ISSUER, PASSWORD, Service
from .oauth_client import post, register

API = f"{ISSUER}/api/v1"
REDIRECT_URI = "https://app.example.com/callback"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636 Appendix B
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
SCOPE = "openid profile email todos:read todos:write"
METADATA: dict[str, Any] = {
    "grant_types": ["authorization_code", "refresh_token"],
    "redirect_uris": [REDIRECT_URI],
    "scope": "openid profile email offline_access todos:read todos:write",
}


@dataclass(frozen=True)
class Person:
    """A person with a session; `browser` has its cookie."""

    browser: httpx2.Client
    account_id: str
    session_id: str


def sign_up(service: Service, email: str = "ann@example.com", **members: object) -> Person:
    return person_in(service.signed_up(email, **members))


def sign_in(service: Service, email: str = "ann@example.com") -> Person:
    """Sign the same person in, in another browser."""
    browser = service.client()
    assert browser.post("/sign-in/email", json={"email": email, "password": PASSWORD}).status_code == 200
    return person_in(browser)


def person_in(browser: httpx2.Client) -> Person:
    body = browser.get("/get-session").json()
    return Person(browser, body["user"]["id"], body["session"]["id"])


@dataclass(frozen=True)
class Frontend:
    """A client of the code flow. It is public unless it has a secret."""

    service: Service
    client_id: str
    secret: str = ""
    further: dict[str, str] = field(default_factory=dict)

    def authorize(self, person: Person, scope: str = SCOPE, *, claims: str | None = None, **changes: Any) -> str:
        """A code, made as the authorization endpoint makes it."""
        service = self.service
        made: dict[str, Any] = {
            "client_id": self.client_id,
            "account_id": person.account_id,
            "session_id": person.session_id,
            "redirect_uri": REDIRECT_URI,
            "scope": tuple(scope.split()),
            "resource": API,
            "code_challenge": derive_challenge(VERIFIER),
            "nonce": "n-0S6_WzA2Mj",
            "auth_time": service.clock() - timedelta(minutes=5),
            "acr": "aal1",
            "amr": ("pwd",),
            "claims": None if claims is None else parse(claims).render(),
        }

        async def issue(database: Database) -> str:
            async with database.writing() as session:
                authorization, ttl = Authorization(**made | changes), service.settings.authorization_code_ttl
                code = opaque.draw()
                issuing = authorization_codes.issuing(code, authorization, ttl=ttl, now=service.clock())
                assert (await send(session, issuing))["code"]
                return code

        return service.do(issue)

    def ask(self, **parameters: Any) -> httpx2.Response:
        """Send a request to the token endpoint; a parameter that is None is left out."""
        form = {"client_id": self.client_id, **({"client_secret": self.secret} if self.secret else {}), **parameters}
        return post(self.service, {name: value for name, value in form.items() if value is not None})

    def redeem(self, code: str, **changes: Any) -> httpx2.Response:
        form = {"code": code, "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER}
        return self.ask(grant_type="authorization_code", **form | changes)

    def refresh(self, refresh_token: str, **changes: Any) -> httpx2.Response:
        return self.ask(**{"grant_type": "refresh_token", "refresh_token": refresh_token} | changes)

    def tokens(self, person: Person, scope: str = SCOPE, **changes: Any) -> dict[str, Any]:
        response = self.redeem(self.authorize(person, scope, **changes))
        assert response.status_code == 200, response.text
        body: dict[str, Any] = response.json()
        return body


def register_frontend(service: Service, **changes: Any) -> Frontend:
    """Register a public client, such as a page in a browser."""
    client = register(service, **{**METADATA, "token_endpoint_auth_method": "none", **changes})
    return Frontend(service, client.client_id, client.secret)


def register_backend(service: Service, **changes: Any) -> Frontend:
    """Register a client with a secret."""
    return register_frontend(service, token_endpoint_auth_method="client_secret_post", **changes)


def live_grants(service: Service) -> int:
    count: int = service.rows("SELECT count(*) FROM grants WHERE ended_at IS NULL")[0][0]
    return count
