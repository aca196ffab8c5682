"""Authorization requests that a client has pushed (RFC 9126), under a `request_uri` for the browser to bring.

A pushed request is a stored request (authorization_requests.py) that belongs to no browser yet. It expires after TTL
unless a browser brings it. Then it belongs to that browser, for as long as any other request, while its person signs in
and consents. Its answer uses it up.

The handle in the addresses of our pages is a hash of the request_uri. So neither a handle nor a request that was posted
to /oauth/authorize can be presented as a request_uri, and the database holds neither.
"""

import hashlib
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ..oauth.authorization_request import AuthorizationRequest
from ..sealed import opaque
from . import authorization_requests

PREFIX = "urn:ietf:params:oauth:request_uri:"  # RFC 9126 §2.2
TTL = timedelta(seconds=60)  # from the push to the browser's first visit
MAX_OPEN = 5_000  # requests of one client that wait for their browsers: others' must not make way for them


async def store(
    session: AsyncSession, request: AuthorizationRequest, *, client_metadata: str | None, now: datetime
) -> str:
    """Store a checked request. Returns its request_uri."""
    request_uri = PREFIX + opaque.draw()
    await authorization_requests.store(
        session, _handle(request_uri), request, browser=None, client_metadata=client_metadata, ttl=TTL, now=now
    )
    return request_uri


async def has_room(session: AsyncSession, client_id: str, *, now: datetime) -> bool:
    """Whether fewer than MAX_OPEN pushed requests of a registered client wait for their browsers.

    Requests of a client with a metadata document do not name its row. They are limited like all requests of a client.
    """
    row = authorization_requests.StoredRequest
    waiting = (row.client_id == client_id, row.browser_hash.is_(None), row.expires_at > now)
    counted = select(row.handle_hash).where(*waiting, row.expires_at <= now + TTL).limit(MAX_OPEN).subquery()
    return (await session.scalar(select(func.count()).select_from(counted)) or 0) < MAX_OPEN


def find_handle(request_uri: str | None) -> str | None:
    """The handle of the request with this request_uri. None if it is no request_uri of this service."""
    if request_uri is None or not request_uri.startswith(PREFIX):
        return None
    return _handle(request_uri)


def _handle(request_uri: str) -> str:
    digest = hashlib.sha256(f"handle of {request_uri}".encode()).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
