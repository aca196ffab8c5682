"""Challenges that were answered. A row is kept until its challenge has expired on every node."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ...store.instants import CLOCK_SKEW, Instant
from ...store.rows import Expiry, Row, insert_into
from .challenges import Challenge


class UsedChallenge(Row):
    __tablename__ = "used_challenges"
    __expiry__ = Expiry()  # only an answer that verifies makes a row, so strangers cannot fill the table

    challenge_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


async def use_up(session: AsyncSession, challenge: Challenge) -> bool:
    """Use the challenge up. False: it was answered before. Of two simultaneous answers one gets True."""
    row = {"challenge_hash": challenge.hash, "expires_at": challenge.expires_at + CLOCK_SKEW}
    used = insert_into(session, UsedChallenge).values(row).on_conflict_do_nothing()
    return await session.scalar(used.returning(UsedChallenge.challenge_hash)) is not None
