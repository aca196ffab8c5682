"""Authorization requests between arrival and answer.

A request that needs no page is answered at once. Any other is stored, and pages name it by its handle. It stays stored
after its answer.
"""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from fastapi import Request

from ..accounts.email_addresses import parse_email
from ..clients import document_clients
from ..clients.authentication import ClientAuthenticator
from ..clients.clients import Client
from ..grants import authorization_requests
from ..grants.authorization_requests import StoredRequest
from ..mail.languages.sentences import Sentence
from ..oauth.authorization_request import AuthorizationRequest
from ..oauth.metadata_values import DEVICE_CODE
from ..oauth.redirect_uri import is_registered, origin_of
from ..store.database import Database
from .browsers import Browsers
from .pages import ACCOUNT_LINK, Link, PageRefused
from .parts import Given


@dataclass(frozen=True)
class PendingRequest:
    """An authorization request, its client, and the handle that stands in the URLs of pages."""

    request: AuthorizationRequest
    client: Client
    handle: str
    stored: StoredRequest | None = None  # None: the request has just arrived and needed no page yet
    browser: str | None = None  # that the stored request belongs to, or is to be bound to; None: it has no cookie yet

    @property
    def is_answered(self) -> bool:
        """Whether it was answered when it was read. Pages then do nothing: /oauth/authorize gives the answer again."""
        return self.stored is not None and self.stored.answered_at is not None

    @property
    def is_unbound(self) -> bool:
        """Whether it was posted or pushed, and belongs to no browser yet."""
        return self.stored is not None and self.stored.browser_hash is None

    def find_other_hint(self, email: str) -> str | None:
        """The e-mail address in `login_hint`, unless it is this one. None if the hint is no address."""
        hinted = parse_email(self.request.login_hint or "")
        return None if hinted == email else hinted


@dataclass(frozen=True)
class PendingParts(Given):
    database: Database
    clients: ClientAuthenticator
    browsers: Browsers


async def find_pending(
    request: Request, parts: PendingParts, handle: str | None, *, now: datetime
) -> PendingRequest | None:
    """The stored request of a handle. None if it has expired or belongs to another browser.

    None also if the client is no longer registered for the request's redirect URI and scopes.
    """
    if handle is None:
        return None
    browser = parts.browsers.read(request)
    stored = await authorization_requests.find(parts.database, handle, browser=browser, now=now)
    client = None if stored is None else await _find_client(stored, parts, now)
    if stored is None or client is None:
        return None
    if not is_still_registered(stored.request, client):
        return None
    return PendingRequest(stored.request, client, handle, stored, browser)


def is_still_registered(asked: AuthorizationRequest, client: Client) -> bool:
    """Whether the client is registered for the request's redirect URI, or as a device, and for its scopes."""
    registered = client.registration
    if asked.device is not None:
        is_known = DEVICE_CODE in registered.grant_types
    else:
        is_known = is_registered(asked.redirect_uri, registered.redirect_uris)
    return is_known and set(asked.scope) <= set(registered.scope)


async def _find_client(stored: StoredRequest, parts: PendingParts, now: datetime) -> Client | None:
    if stored.client_metadata is not None:
        return document_clients.restore(stored.request.client_id, stored.client_metadata, now=now)
    return await parts.clients.cache.find(stored.request.client_id, now=now)


async def require_pending(
    request: Request, parts: PendingParts, handle: str | None, *, now: datetime
) -> PendingRequest:
    """As `find_pending`, but raises PageRefused instead of returning None."""
    pending = await find_pending(request, parts, handle, now=now)
    if pending is None:
        raise expired() if parts.browsers.read(request) else without_cookie()
    return pending


def expired() -> PageRefused:
    """The refusal of an unknown or expired request, or of another browser's: the page is the same for all."""
    return PageRefused(
        "This page has expired",
        "The request that it belongs to waited too long, or was made in another browser. "
        "Go back to the application that you came from, and start again.",
        reason="no such request in this browser",
    )


def without_cookie() -> PageRefused:
    """The refusal of a browser that sent no cookie of ours, although the page before this one has set one."""
    return PageRefused(
        "This page needs cookies",
        "Your browser sent no cookie of this site. If cookies are switched off, allow them for this site, go back to "
        "the application that you came from, and start again. If this link comes from another browser, continue there.",
        reason="no cookie of a browser",
    )


def answered(pending: PendingRequest) -> PageRefused:
    """The page of a request whose answer cannot be given again. It has a link to the client's own pages.

    A program that listens at a port that it has drawn has no pages. A registered address leads to the client.
    """
    redirect_uri, registration = pending.request.redirect_uri, pending.client.registration
    links: tuple[Link, ...] = (ACCOUNT_LINK,)
    if redirect_uri in registration.redirect_uris and redirect_uri.startswith(("https://", "http://")):
        name = registration.client_name or urlsplit(redirect_uri).netloc
        links = (Link("client-link", f"{origin_of(redirect_uri)}/", Sentence("Go to {name}", name=name)), *links)
    return PageRefused(
        "You have answered this already",
        "The application has your answer, and this page can do nothing more. "
        "If the application did not let you in, go back to it and start again.",
        reason="the request was answered",
        links=links,
    )
