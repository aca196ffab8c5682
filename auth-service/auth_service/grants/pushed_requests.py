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
from typing import Any

from sqlalchemy import Integer, bindparam, func, insert, select

from ..oauth.authorization_request import AuthorizationRequest
from ..sealed import opaque
from ..store.database import Database
from . import authorization_requests
from .authorization_requests import StoredRequest

PREFIX = "urn:ietf:params:oauth:request_uri:"  # RFC 9126 §2.2
TTL = timedelta(seconds=60)  # from the push to the browser's first visit
MAX_OPEN = 5_000  # requests of one client that wait for their browsers: others' must not make way for them


_TABLE: Any = StoredRequest.__table__
_NAMES = ("handle_hash", "client_id", "client_metadata", "parameters", "created_at", "expires_at")
_ROW = select(*(bindparam(name, type_=_TABLE.c[name].type) for name in _NAMES))
_MOST = bindparam("most", type_=Integer)
_WAITING = (
    select(_TABLE.c.handle_hash)
    .where(
        _TABLE.c.client_id == bindparam("client_id"),
        _TABLE.c.browser_hash.is_(None),
        _TABLE.c.expires_at > bindparam("created_at"),
        _TABLE.c.expires_at <= bindparam("expires_at"),
    )
    .limit(_MOST)
    .subquery()
)
_HAS_ROOM = select(func.count()).select_from(_WAITING).scalar_subquery() < _MOST
_STORE = insert(_TABLE).from_select(_NAMES, _ROW).returning(_TABLE.c.handle_hash)
_STORE_IF_ROOM = insert(_TABLE).from_select(_NAMES, _ROW.where(_HAS_ROOM)).returning(_TABLE.c.handle_hash)


async def store(
    database: Database, request: AuthorizationRequest, *, client_metadata: str | None, is_limited: bool, now: datetime
) -> str | None:
    """Store a checked request. Returns its request_uri, or None if MAX_OPEN of its client wait for their browsers.

    One statement counts and stores. Requests of a client with a metadata document do not name its row: they are limited
    like all requests of a client.

    Args:
        is_limited: whether those that wait are counted.
    """
    request_uri = PREFIX + opaque.draw()
    row = authorization_requests.values_of(
        _handle(request_uri), request, client_metadata=client_metadata, ttl=TTL, now=now
    )
    if is_limited:
        stored = await database.change_row(_STORE_IF_ROOM, {**row, "most": MAX_OPEN})
    else:
        stored = await database.change_row(_STORE, row)
    return None if stored is None else request_uri


def find_handle(request_uri: str | None) -> str | None:
    """The handle of the request with this request_uri. None if it is no request_uri of this service."""
    if request_uri is None or not request_uri.startswith(PREFIX):
        return None
    return _handle(request_uri)


def _handle(request_uri: str) -> str:
    digest = hashlib.sha256(f"handle of {request_uri}".encode()).digest()
    return urlsafe_b64encode(digest).rstrip(b"=").decode()
