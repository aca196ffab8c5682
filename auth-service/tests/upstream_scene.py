"""People who sign in at a provider of the tests' own (lying_provider.py), by the pages of the service."""

import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from auth_service.accounts.upstreams import providers
from auth_service.oauth.upstreams import Upstream
from auth_service.sealed.versioned_secrets import parse_secrets
from auth_service.store.database import Database

from .browser import Browser, asked
from .code_flow import Frontend
from .conftest import ISSUER, KEY_ENCRYPTION_KEYS, Service
from .lying_provider import CLIENT_ID, CLIENT_SECRET, LyingProvider

ID = "elsewhere"
CALLBACK = f"/api/auth/callback/{ID}"
ANN = "ann@example.com"


def register(service: Service, provider: LyingProvider, upstream_id: str = ID, **changes: Any) -> None:
    """Register the provider, as `upstreams create` does."""
    members = {"id": upstream_id, "name": "Elsewhere", "issuer": provider.issuer, "client_id": CLIENT_ID, **changes}
    upstream = Upstream.parse(members, issuer=ISSUER)
    seal = providers.seal_of(parse_secrets(KEY_ENCRYPTION_KEYS))

    async def put(database: Database) -> None:
        async with database.writing() as session:
            sealed = seal.seal(CLIENT_SECRET, place=upstream_id)
            await providers.put(session, upstream, sealed, now=service.clock())

    service.do(put)
    service.forget()


@dataclass
class Traveller:
    """A browser whose person has, or makes, an account at the provider."""

    browser: Browser
    provider: LyingProvider

    @classmethod
    def of(cls, service: Service, provider: LyingProvider) -> "Traveller":
        """A browser in a network of its own: what a network begins is counted."""
        address = f"10.{secrets.randbelow(256)}.{secrets.randbelow(256)}.{secrets.randbelow(256)}"
        return cls(Browser(service, {"Origin": ISSUER, "X-Forwarded-For": address}), provider)

    def leave(self, path: str = "/signin", upstream_id: str = ID) -> str:
        """Press the button on the page. Returns the provider's address."""
        if path:
            self.browser.open(path)
        self.browser.press("upstream-form", f"continue-with-{upstream_id}")
        return self.left()

    def left(self) -> str:
        """The address outside that the browser was sent to."""
        assert self.browser.last.status_code == 303, self.browser.page.text
        location: str = self.browser.last.headers["location"]
        return location

    def come_back(self, answer: dict[str, str], path: str = CALLBACK) -> Browser:
        return self.browser.open(path, **answer)

    def sign_in(self, path: str = "/signin", **claims: Any) -> Browser:
        """Go to the provider and come back, as the person of these claims."""
        address = self.leave(path)
        self.provider.claims = claims
        return self.come_back(self.provider.answer(address))

    def authorize(self, frontend: Frontend, **changes: Any) -> Browser:
        """The same on the way to an application. The sign-in page is shown by /oauth/authorize."""
        self.browser.open("/oauth/authorize", **asked(frontend, **changes))
        return self.sign_in("")


def parameters(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def is_signed_in(browser: Browser) -> bool:
    return browser.open("/signin").last.status_code == 200 and "signed-in" in browser.page.elements


def linked(service: Service) -> list[tuple[str, str]]:
    """The address of each account that is linked, with the subject."""
    query = "SELECT a.email, i.subject FROM upstream_identities i JOIN accounts a ON a.id = i.account_id ORDER BY 1, 2"
    return [(str(email), str(subject)) for email, subject in service.rows(query)]
