"""The authorization request that a page is about, as the browser that shows it may see it."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request

from ..clients.clients import Client
from ..grants import authorization_requests
from ..grants.authorization_requests import Named, StoredRequest
from ..oauth.authorization_request import AuthorizationRequest
from ..oauth.redirect_uri import is_registered
from .pages import PageRefused
from .parts import Parts


@dataclass(frozen=True)
class Waiting:
    named: Named
    client: Client

    @property
    def handle(self) -> str:
        return self.named.handle

    @property
    def stored(self) -> StoredRequest:
        return self.named.stored

    @property
    def request(self) -> AuthorizationRequest:
        return self.named.stored.request


async def find_waiting(request: Request, parts: Parts, handle: str | None, *, now: datetime) -> Waiting | None:
    """The live request of a handle, of this browser, if its client is still registered for all of it."""
    if handle is None:
        return None
    browser = parts.browsers.read(request)
    async with parts.database.reading() as session:
        named = await authorization_requests.find(session, handle, browser=browser, now=now)
    client = None if named is None else await parts.clients.cache.find(named.stored.client_id, now=now)
    if named is None or client is None:
        return None
    asked, registered = named.stored.request, client.registration
    is_known = is_registered(asked.redirect_uri, registered.redirect_uris)
    return Waiting(named, client) if is_known and set(asked.scope) <= set(registered.scope) else None


async def require_waiting(request: Request, parts: Parts, handle: str | None, *, now: datetime) -> Waiting:
    """Raises PageRefused."""
    waiting = await find_waiting(request, parts, handle, now=now)
    if waiting is None:
        raise expired()
    return waiting


def expired() -> PageRefused:
    """The same for a request that never was, is over, was answered, or belongs to another browser."""
    return PageRefused(
        "This page has expired",
        "The request that it belongs to was answered already, or waited too long. "
        "Go back to the application that you came from, and start again.",
        reason="no such request in this browser",
    )
