"""Initial access tokens (RFC 7591 §1.2): an operator makes one for programs that may register themselves as clients.

A token is good for a number of registrations and for a time. Only its hash is stored. A registration spends it in its
own transaction, so a refused one spends nothing.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Integer, String, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..sealed import opaque
from ..store import identifiers
from ..store.instants import Instant
from ..store.rows import Expiry, Row


class RegistrationToken(Row):
    __tablename__ = "registration_tokens"
    __expiry__ = Expiry()

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True, index=True)
    uses: Mapped[int] = mapped_column(Integer)
    uses_left: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


async def create(
    session: AsyncSession, *, uses: int, lifetime: timedelta, now: datetime
) -> tuple[RegistrationToken, str]:
    """Make a token. Returns its row, and the token itself, which cannot be read again later."""
    token = opaque.draw()
    row = RegistrationToken(
        id=identifiers.draw(),
        token_hash=opaque.hash_of(token),
        uses=uses,
        uses_left=uses,
        created_at=now,
        expires_at=now + lifetime,
    )
    session.add(row)
    return row, token


async def is_usable(session: AsyncSession, token: str, *, now: datetime) -> bool:
    """Whether the token may register a client. Only `spend` decides; this refuses before a body is read."""
    return await session.scalar(select(RegistrationToken.id).where(*_usable(token, now))) is not None


async def spend(session: AsyncSession, token: str, *, now: datetime) -> str | None:
    """Take one use. Returns the token's id, or None if it is unknown, expired, revoked or used up.

    One conditional UPDATE decides, so of simultaneous registrations no more pass than there are uses.
    """
    taken = update(RegistrationToken).where(*_usable(token, now)).values(uses_left=RegistrationToken.uses_left - 1)
    spent: str | None = await session.scalar(taken.returning(RegistrationToken.id))
    return spent


def _usable(token: str, now: datetime) -> tuple[ColumnElement[bool], ...]:
    row = RegistrationToken
    return row.token_hash == opaque.hash_of(token), row.uses_left > 0, row.expires_at > now


async def list_tokens(session: AsyncSession) -> Sequence[RegistrationToken]:
    """All tokens that have not been deleted yet, the oldest first."""
    query = select(RegistrationToken).order_by(RegistrationToken.created_at, RegistrationToken.id)
    return (await session.scalars(query)).all()


async def revoke(session: AsyncSession, token_id: str) -> bool:
    """Delete a token. False if there is none. Clients that it has registered stay."""
    gone = delete(RegistrationToken).where(RegistrationToken.id == token_id).returning(RegistrationToken.id)
    return await session.scalar(gone) is not None
