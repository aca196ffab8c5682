"""Authorization requests that are waiting for the person to sign in, select an account or consent (README, "Pages").

The URLs of pages name a request by its handle. A request belongs to the first browser that presents its handle; in
another browser the handle is useless. It is removed when its response is sent, so it is answered once.
"""

from datetime import datetime, timedelta
from functools import cached_property

from sqlalchemy import ForeignKey, String, Text, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..oauth.authorization_request import AuthorizationRequest
from ..sealed import opaque
from ..store.instants import Instant
from ..store.rows import Expiry, Row

TTL = timedelta(minutes=30)
MAX_ROWS = 50_000  # anybody can make one; beyond this the oldest are deleted


class StoredRequest(Row):
    __tablename__ = "authorization_requests"
    __expiry__ = Expiry(MAX_ROWS)

    handle_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    browser_hash: Mapped[str | None] = mapped_column(String(64))  # None: posted by another site, not bound yet
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id", ondelete="CASCADE"), index=True)
    parameters: Mapped[str] = mapped_column(Text)  # JSON
    selected_session_id: Mapped[str | None] = mapped_column(String(32))
    consented_session_id: Mapped[str | None] = mapped_column(String(32))
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)

    @cached_property
    def request(self) -> AuthorizationRequest:
        return AuthorizationRequest.restore(self.parameters)


async def store(
    session: AsyncSession, handle: str, request: AuthorizationRequest, *, browser: str | None, now: datetime
) -> None:
    """Store a request for TTL under a newly drawn handle."""
    session.add(
        StoredRequest(
            handle_hash=opaque.hash_of(handle),
            browser_hash=None if browser is None else opaque.hash_of(browser),
            client_id=request.client_id,
            parameters=request.render(),
            created_at=now,
            expires_at=now + TTL,
        )
    )


async def find(session: AsyncSession, handle: str, *, browser: str | None, now: datetime) -> StoredRequest | None:
    """The unexpired request of a handle, if it belongs to this browser or to none yet."""
    if len(handle) != opaque.LENGTH:
        return None
    stored = await session.scalar(
        select(StoredRequest).where(StoredRequest.handle_hash == opaque.hash_of(handle), StoredRequest.expires_at > now)
    )
    if stored is None or stored.browser_hash not in (None, None if browser is None else opaque.hash_of(browser)):
        return None
    return stored


async def bind(session: AsyncSession, handle: str, browser: str) -> bool:
    """Bind the request to this browser. False if another browser was first."""
    row = StoredRequest
    unbound = update(row).where(
        row.handle_hash == opaque.hash_of(handle),
        or_(row.browser_hash.is_(None), row.browser_hash == opaque.hash_of(browser)),
    )
    bound = await session.execute(unbound.values(browser_hash=opaque.hash_of(browser)).returning(row.handle_hash))
    return bound.scalar_one_or_none() is not None


async def note_selection(session: AsyncSession, handle: str, session_id: str) -> None:
    """Record that the person chose to continue with this session."""
    await _note(session, handle, selected_session_id=session_id)


async def note_consent(session: AsyncSession, handle: str, session_id: str) -> None:
    """Record that this session's person consented to this request (for prompt=consent)."""
    await _note(session, handle, consented_session_id=session_id)


async def _note(session: AsyncSession, handle: str, **noted: str) -> None:
    which = StoredRequest.handle_hash == opaque.hash_of(handle)
    await session.execute(update(StoredRequest).where(which).values(**noted))


async def take(session: AsyncSession, handle: str) -> bool:
    """Delete the request in order to answer it. False if another tab was first: a request is answered once."""
    taken = delete(StoredRequest).where(StoredRequest.handle_hash == opaque.hash_of(handle))
    return (await session.execute(taken.returning(StoredRequest.handle_hash))).scalar_one_or_none() is not None
