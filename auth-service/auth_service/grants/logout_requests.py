"""Logout requests (OpenID Connect RP-Initiated Logout 1.0 §2), stored until the browser returns with its cookies.

A request that another site posts arrives without cookies, so it cannot tell who is signed in. A stored request holds
no secret. Its handle proves only that the request was checked; its holder could have sent the request as well.
"""

from datetime import datetime, timedelta

from sqlalchemy import String, Text, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..sealed import opaque
from ..store.client_ids import ClientKey, client_url, url_of
from ..store.instants import Instant
from ..store.rows import Expiry, Row

TTL = timedelta(hours=24)  # the page may be left open for a day
MAX_ROWS = 100_000  # anybody can make one; beyond this the oldest are deleted


class LogoutRequest(Row):
    __tablename__ = "logout_requests"
    __expiry__ = Expiry(MAX_ROWS)

    handle_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    client_key: Mapped[str | None] = mapped_column("client_id", ClientKey)  # the client that asked, if it is known
    client_url: Mapped[str | None] = client_url()
    session_id: Mapped[str | None] = mapped_column(String(32))  # the `sid` of that ID token
    post_logout_redirect_uri: Mapped[str | None] = mapped_column(Text)  # registered by that client
    state: Mapped[str | None] = mapped_column(Text)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)

    @property
    def client_id(self) -> str | None:
        return self.client_url or self.client_key


async def store(
    session: AsyncSession,
    *,
    client_id: str | None,
    session_id: str | None,
    post_logout_redirect_uri: str | None,
    state: str | None,
    now: datetime,
) -> str:
    """Store a checked request for TTL. Returns its handle."""
    handle = opaque.draw()
    session.add(
        LogoutRequest(
            handle_hash=opaque.hash_of(handle),
            client_key=client_id,
            client_url=url_of(client_id),
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
