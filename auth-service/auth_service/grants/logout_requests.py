"""Requests to sign somebody out (OpenID Connect RP-Initiated Logout 1.0 §2) that wait until the browser has come back.

A request that another site posts comes without cookies, so it says nothing about who is signed in.
It holds nothing secret and proves nothing but that it was checked: whoever holds its handle could have sent it.
"""

from datetime import datetime, timedelta

from sqlalchemy import String, Text, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..sealed import opaque
from ..store.instants import Instant
from ..store.rows import Expiry, Row

TTL = timedelta(minutes=30)
MAX_ROWS = 50_000  # anybody can make one; beyond this the oldest are deleted


class LogoutRequest(Row):
    __tablename__ = "logout_requests"
    __expiry__ = Expiry(MAX_ROWS)

    handle_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    client_id: Mapped[str | None] = mapped_column(String(64))  # whose ID token was shown
    session_id: Mapped[str | None] = mapped_column(String(32))  # which that token names
    post_logout_redirect_uri: Mapped[str | None] = mapped_column(Text)  # registered by that client
    state: Mapped[str | None] = mapped_column(Text)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


async def store(
    session: AsyncSession,
    *,
    client_id: str | None,
    session_id: str | None,
    post_logout_redirect_uri: str | None,
    state: str | None,
    now: datetime,
) -> str:
    """Keep a request that has been checked; its handle."""
    handle = opaque.draw()
    session.add(
        LogoutRequest(
            handle_hash=opaque.hash_of(handle),
            client_id=client_id,
            session_id=session_id,
            post_logout_redirect_uri=post_logout_redirect_uri,
            state=state,
            expires_at=now + TTL,
        )
    )
    return handle


async def find(session: AsyncSession, handle: str, *, now: datetime) -> LogoutRequest | None:
    which = (LogoutRequest.handle_hash == opaque.hash_of(handle), LogoutRequest.expires_at > now)
    return await session.scalar(select(LogoutRequest).where(*which))
