"""Attempts at a password, counted so that guessing is slow and nobody can be locked out by others.

Two budgets. Per account and network: five attempts, then one after 1, 2, 4 ... seconds, up to 15 minutes; the owner on
another network is not held. Per account: a hundred an hour, against many networks at once; a browser that has signed in
to the account before is not held by it.

An attempt is taken *before* the password is hashed, in one conditional statement, so that parallel guesses cannot pass
a budget between them. Right passwords and unknown addresses are held like all others: what is counted is a name,
whether or not anybody has it. Keys are HMACs, so the table says nothing of who was tried; rows expire, and what is
more than MAX_ROWS is deleted, the least tried first (expiry.py), so that invented names fill nothing.
"""

import hmac
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Index, Integer, String, case, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..sealed.versioned_secrets import Secrets, derive_key
from ..store.database import Database
from ..store.instants import Instant
from ..store.rows import Expiry, Row, insert_into

FREE_ATTEMPTS = 5
MAX_DELAY = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=1)
ACCOUNT_BUDGET = 100
ACCOUNT_WINDOW = timedelta(hours=1)
MAX_ROWS = 200_000

# Not `now`: of two simultaneous requests the one with the earlier clock would be held by the other.
NOT_HELD = datetime.fromtimestamp(0, UTC)

# After the fifth attempt one second, and twice as long after each further one.
DELAYS = [min(timedelta(seconds=2**doubling), MAX_DELAY) for doubling in range(11)]


class TooManyAttempts(Exception):
    def __init__(self, retry_after: timedelta) -> None:
        super().__init__()
        self.retry_after = retry_after


class Attempts(Row):
    __tablename__ = "attempts"
    __expiry__ = Expiry(MAX_ROWS, surplus_first=("count", "expires_at"))
    __table_args__ = (Index("ix_attempts_least_tried", "count", "expires_at"),)

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int] = mapped_column(Integer)
    next_at: Mapped[datetime] = mapped_column(Instant)  # before this no attempt is taken
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


@dataclass(frozen=True)
class Attempt:
    """One attempt that was taken, and what to give back when it succeeds."""

    network_key: str
    account_key: str | None


class AttemptLimiter:
    def __init__(self, database: Database, secrets: Secrets, *, is_on: bool) -> None:
        self._database = database
        self._key = derive_key(next(iter(secrets.values())), "auth-service attempts")
        self._is_on = is_on

    async def take(self, account: str, network: str, *, knows_device: bool, now: datetime) -> Attempt:
        """Take one attempt from both budgets, or from neither.

        Args:
            account: the name that is tried, an e-mail address, in the form that it is stored in.
            knows_device: the browser has signed in to this account before; only the network's budget holds it.

        Raises:
            TooManyAttempts: nothing was taken.
        """
        attempt = Attempt(
            self._hash("network", account, network), None if knows_device else self._hash("account", account)
        )
        if self._is_on:
            async with self._database.writing() as session:
                await _take_from_network(session, attempt.network_key, now)
                if attempt.account_key is not None:
                    await _take_from_account(session, attempt.account_key, now)
        return attempt

    async def succeeded(self, session: AsyncSession, attempt: Attempt) -> None:
        """Forget the network's attempts, and give the account's back."""
        if self._is_on:
            await session.execute(delete(Attempts).where(Attempts.key == attempt.network_key))
            if attempt.account_key is not None:
                await _give_back(session, attempt.account_key)

    def _hash(self, *parts: str) -> str:
        return hmac.digest(self._key, "\0".join(parts).encode(), "sha256").hex()


async def _take_from_network(session: AsyncSession, key: str, now: datetime) -> None:
    count = case((Attempts.expires_at <= now, 1), else_=Attempts.count + 1)
    steps: list[Any] = [(count < FREE_ATTEMPTS, NOT_HELD)]
    steps += [(count == FREE_ATTEMPTS + step, now + delay) for step, delay in enumerate(DELAYS)]
    await _take(
        session,
        key,
        now,
        lasting=FORGOTTEN_AFTER,
        changes={"count": count, "next_at": case(*steps, else_=now + MAX_DELAY), "expires_at": now + FORGOTTEN_AFTER},
    )


async def _take_from_account(session: AsyncSession, key: str, now: datetime) -> None:
    """A fixed window: the hundredth attempt puts off the next one to the window's end."""
    is_over = Attempts.expires_at <= now
    count = case((is_over, 1), else_=Attempts.count + 1)
    ends_at = case((is_over, now + ACCOUNT_WINDOW), else_=Attempts.expires_at)
    await _take(
        session,
        key,
        now,
        lasting=ACCOUNT_WINDOW,
        changes={
            "count": count,
            "next_at": case((count >= ACCOUNT_BUDGET, ends_at), else_=NOT_HELD),
            "expires_at": ends_at,
        },
    )


async def _take(
    session: AsyncSession, key: str, now: datetime, *, lasting: timedelta, changes: dict[str, object]
) -> None:
    """One statement counts and decides. Raises TooManyAttempts, which rolls back what was taken before."""
    insert = insert_into(session, Attempts)
    statement = (
        insert.values(key=key, count=1, next_at=NOT_HELD, expires_at=now + lasting)
        .on_conflict_do_update(
            index_elements=[Attempts.key],
            set_=changes,
            where=or_(Attempts.next_at <= now, Attempts.expires_at <= now),
        )
        .returning(Attempts.count)
    )
    if (await session.execute(statement)).scalar_one_or_none() is None:
        next_at = await session.scalar(select(Attempts.next_at).where(Attempts.key == key))
        raise TooManyAttempts((next_at or now) - now)


async def _give_back(session: AsyncSession, key: str) -> None:
    """One attempt fewer, and with it what the attempt put off: it was taken only because nothing was put off before."""
    given_back = {"count": Attempts.count - 1, "next_at": NOT_HELD}
    await session.execute(update(Attempts).where(Attempts.key == key, Attempts.count > 0).values(given_back))
