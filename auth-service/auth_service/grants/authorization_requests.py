"""Authorization requests that are waiting for the person to sign in, select an account or consent (PAGES.md).

The URLs of pages name a request by its handle. A request belongs to the first browser that presents its handle; in
another browser the handle is useless. It is answered once, by a code or a refusal. The row stays until it expires, so
that a form that is sent again later gets the same answer or is told that there was one.
"""

import json
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from sqlalchemy import Boolean, ColumnElement, ForeignKey, String, Text, bindparam, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..oauth.authorization_request import AuthorizationRequest
from ..oauth.errors import OAuthError, RepeatedError
from ..sealed import opaque
from ..store.database import Database
from ..store.instants import Instant
from ..store.rows import Expiry, Row, detached, partial_index

TTL = timedelta(hours=24)  # a form may be left open for a day
MAX_ROWS = 100_000  # anybody can make one; beyond this the oldest are deleted


class StoredRequest(Row):
    __tablename__ = "authorization_requests"
    __expiry__ = Expiry(MAX_ROWS, surplus_first=("created_at",))  # pushed requests expire sooner, but are not older
    __table_args__ = (
        partial_index("ix_authorization_requests_unbound", "client_id", "expires_at", where="browser_hash IS NULL"),
    )

    handle_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    browser_hash: Mapped[str | None] = mapped_column(String(64))  # None: posted or pushed, not bound yet
    # None: the client has a metadata document, and perhaps no row; then `client_metadata` is what the document said
    client_id: Mapped[str | None] = mapped_column(ForeignKey("clients.client_id", ondelete="CASCADE"), index=True)
    client_metadata: Mapped[str | None] = mapped_column(Text)
    parameters: Mapped[str] = mapped_column(Text)  # JSON
    signed_in_session_id: Mapped[str | None] = mapped_column(String(32))  # signed in at this request's page
    is_sign_in_new: Mapped[bool | None] = mapped_column(Boolean)  # true until another page's form is sent
    selected_session_id: Mapped[str | None] = mapped_column(String(32))
    consented_session_id: Mapped[str | None] = mapped_column(String(32))
    answered_at: Mapped[datetime | None] = mapped_column(Instant)
    answered_session_id: Mapped[str | None] = mapped_column(String(32))  # None: nobody was signed in
    refusal: Mapped[str | None] = mapped_column(Text)  # JSON: error and description; None if the answer was a code
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)

    @cached_property
    def request(self) -> AuthorizationRequest:
        return AuthorizationRequest.restore(self.parameters)

    @property
    def refused(self) -> OAuthError | None:
        """The refusal that the request was answered with, if it was."""
        return None if self.refusal is None else RepeatedError(**json.loads(self.refusal))


async def store(
    session: AsyncSession,
    handle: str,
    request: AuthorizationRequest,
    *,
    browser: str | None,
    client_metadata: str | None = None,
    ttl: timedelta = TTL,
    now: datetime,
) -> None:
    """Store a request for `ttl` under a handle that no other request has.

    Args:
        client_metadata: what the client's document says, if it has one; such a client needs no row.
    """
    row = values_of(handle, request, client_metadata=client_metadata, ttl=ttl, now=now)
    session.add(StoredRequest(**row, browser_hash=None if browser is None else opaque.hash_of(browser)))


def values_of(
    handle: str, request: AuthorizationRequest, *, client_metadata: str | None, ttl: timedelta, now: datetime
) -> dict[str, object]:
    """The row of a request that belongs to no browser. The columns that are missing are null."""
    return {
        "handle_hash": opaque.hash_of(handle),
        "client_id": request.client_id if client_metadata is None else None,
        "client_metadata": client_metadata,
        "parameters": request.render(),
        "created_at": now,
        "expires_at": now + ttl,
    }


_TABLE: Any = StoredRequest.__table__
_FIND = select(*_TABLE.columns).where(
    _TABLE.c.handle_hash == bindparam("handle"), _TABLE.c.expires_at > bindparam("now")
)


async def find(database: Database, handle: str, *, browser: str | None, now: datetime) -> StoredRequest | None:
    """The unexpired request of a handle, if it belongs to this browser or to none yet. Changes to it are not stored."""
    if len(handle) != opaque.LENGTH:
        return None
    values = await database.find_row(_FIND, {"handle": opaque.hash_of(handle), "now": now})
    stored = None if values is None else detached(StoredRequest, iter(values))
    if stored is None or stored.browser_hash not in (None, None if browser is None else opaque.hash_of(browser)):
        return None
    return stored


async def bind(session: AsyncSession, handle: str, browser: str, *, now: datetime) -> bool:
    """Bind the request to this browser, for which it waits for TTL from now. False if another browser was first."""
    row = StoredRequest
    unbound = update(row).where(
        row.handle_hash == opaque.hash_of(handle),
        or_(row.browser_hash.is_(None), row.browser_hash == opaque.hash_of(browser)),
    )
    belongs = {"browser_hash": opaque.hash_of(browser), "expires_at": now + TTL}
    bound = await session.execute(unbound.values(belongs).returning(row.handle_hash))
    return bound.scalar_one_or_none() is not None


async def note_sign_in(session: AsyncSession, handle: str, session_id: str) -> bool:
    """Record that the person signed in at this request's page. False if the request is answered.

    "Since then?" is never asked of two clocks: one may have stepped back, or be another node's.
    """
    return await _change(session, handle, signed_in_session_id=session_id, is_sign_in_new=True)


async def note_selection(session: AsyncSession, handle: str, session_id: str) -> bool:
    """Record that the person chose to continue with this session. False if the request is answered."""
    return await _change(session, handle, selected_session_id=session_id, is_sign_in_new=False)


async def note_consent(session: AsyncSession, handle: str, session_id: str) -> bool:
    """Record that this session's person consented to this request. False if the request is answered."""
    return await _change(session, handle, consented_session_id=session_id, is_sign_in_new=False)


async def refuse(
    session: AsyncSession,
    handle: str,
    refusal: OAuthError,
    *,
    session_id: str | None,
    unless_consented: bool = False,
    now: datetime,
) -> bool:
    """Record that the request is answered by a refusal. False if it was answered before.

    Args:
        unless_consented: False as well if this session's person has consented: of a yes and a no, the first one stands.
    """
    row, told = StoredRequest, json.dumps({"error": refusal.error, "description": refusal.description})
    consented = row.consented_session_id
    still_open = (or_(consented.is_(None), consented != session_id),) if unless_consented else ()
    answered = {"answered_at": now, "answered_session_id": session_id, "refusal": told}
    return await _change(session, handle, *still_open, **answered)


async def _change(session: AsyncSession, handle: str, *conditions: ColumnElement[bool], **changes: object) -> bool:
    """Change a request that has no answer yet. One conditional UPDATE decides which of two forms was first.

    A code answers it by `answering` of request_answers.py.
    """
    row = StoredRequest
    which = update(row).where(row.handle_hash == opaque.hash_of(handle), row.answered_at.is_(None), *conditions)
    changed = await session.execute(which.values(**changes).returning(row.handle_hash))
    return changed.scalar_one_or_none() is not None
