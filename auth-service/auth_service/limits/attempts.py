"""Password attempts, limited so that guessing is slow and nobody can lock out somebody else.

There are two budgets:

* Per account and network: five attempts, then a delay of 1, 2, 4 ... seconds, up to 15 minutes. It does not affect the
  owner on another network. In IPv6 a network is a /64; a guesser may hold a /56 or a /48, so these have budgets of 15
  and 50 attempts. Neighbours may share those, so they do not affect a browser that has signed in to the account before.
* Per account: a hundred attempts an hour, against guessing from many networks. It does not affect a browser that has
  signed in to the account before.

An attempt is taken *before* the password is hashed, in one conditional statement, so that parallel guesses cannot
exceed a budget. Correct passwords and unknown addresses are delayed like all others: the budgets count names, whether
or not an account has them.

Keys are HMACs, so the table does not reveal which accounts were tried. Rows expire. Above MAX_ROWS the rows with the
fewest attempts are deleted (worker/expiry.py), so that invented names cannot fill the table.
"""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Index, Integer, String, bindparam, case, delete, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..sealed.versioned_secrets import Secrets, derive_key
from ..store.database import Database
from ..store.instants import Instant
from ..store.rows import Expiry, Row, insert_by

FREE_ATTEMPTS = (5, 15, 50)  # of an IPv4 address or a /64, of a /56, of a /48
MAX_DELAY = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=1)
ACCOUNT_BUDGET = 100
ACCOUNT_WINDOW = timedelta(hours=1)
MAX_ROWS = 200_000

# "No delay" is a time long past instead of `now`: clocks differ between processes, and `now` could delay a request
# whose process has an earlier clock.
NOT_HELD = datetime.fromtimestamp(0, UTC)

# One second after the fifth attempt, then twice as long after each further one.
DELAYS = [min(timedelta(seconds=2**doubling), MAX_DELAY) for doubling in range(11)]


class TooManyAttempts(Exception):
    def __init__(self, retry_after: timedelta) -> None:
        super().__init__()
        self.retry_after = retry_after


class AttemptBudget(Row):
    __tablename__ = "attempts"
    __expiry__ = Expiry(MAX_ROWS, surplus_first=("count", "expires_at"))
    __table_args__ = (Index("ix_attempts_least_tried", "count", "expires_at"),)

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    count: Mapped[int] = mapped_column(Integer)
    next_at: Mapped[datetime] = mapped_column(Instant)  # no attempt is taken before this time
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


@dataclass(frozen=True)
class Attempt:
    """The budgets' keys of an attempt, to give it back if it succeeds. None: the account's budget did not apply."""

    network_keys: tuple[str, ...]  # the narrowest first
    account_key: str | None


class AttemptLimiter:
    def __init__(self, database: Database, secrets: Secrets, *, is_on: bool) -> None:
        self._database = database
        self._key = derive_key(next(iter(secrets.values())), "auth-service attempts")
        self._is_on = is_on

    async def take(self, account: str, networks: Sequence[str], *, knows_device: bool, now: datetime) -> Attempt:
        """Take one attempt from all budgets, or from none.

        Args:
            account: the e-mail address that is tried, normalized as in the accounts table.
            networks: those of the caller, the narrowest first.
            knows_device: the browser has signed in to this account before; only the narrowest network's budget applies.

        Raises:
            TooManyAttempts: no budget is changed.
        """
        counted = networks[:1] if knows_device else networks
        attempt = Attempt(
            tuple(self._hash("network", account, network) for network in counted),
            None if knows_device else self._hash("account", account),
        )
        if self._is_on:
            async with self._database.writing() as session:
                # Always from the narrowest to the widest, so that two transactions cannot wait for each other.
                for key, free in zip(attempt.network_keys, FREE_ATTEMPTS, strict=False):
                    await take_with_delay(session, key, now, free)
                if attempt.account_key is not None:
                    await _take_from_account(session, attempt.account_key, now)
        return attempt

    async def forget(self, session: AsyncSession, account: str, networks: Sequence[str]) -> None:
        """Reset the budgets of these networks: a person who reads the account's mail need not guess."""
        for network in networks if self._is_on else ():
            await session.execute(_FORGET, {"key_": self._hash("network", account, network)})

    async def succeeded(self, session: AsyncSession, attempt: Attempt) -> None:
        """Reset the budgets of the networks, and give the attempt back to the account's budget."""
        if self._is_on:
            for key in attempt.network_keys:
                await session.execute(_FORGET, {"key_": key})
            if attempt.account_key is not None:
                await give_back(session, attempt.account_key)

    def _hash(self, *parts: str) -> str:
        return hmac.digest(self._key, "\0".join(parts).encode(), "sha256").hex()


async def take_with_delay(session: AsyncSession, key: str, now: datetime, free: int) -> None:
    """Count an attempt. After `free` ones each further one has to wait, twice as long every time.

    Raises:
        TooManyAttempts
    """
    delays = {f"after_{step}": now + delay for step, delay in enumerate(DELAYS)}
    await _take(session, _count_with_delay, key, now, now + FORGOTTEN_AFTER, free=free, **delays)


async def _take_from_account(session: AsyncSession, key: str, now: datetime) -> None:
    await take_in_window(session, key, ACCOUNT_BUDGET, ACCOUNT_WINDOW, now=now)


async def take_in_window(session: AsyncSession, key: str, budget: int, window: timedelta, *, now: datetime) -> None:
    """Count in a fixed window: when the budget is used up, the next one has to wait for the window's end.

    Raises:
        TooManyAttempts
    """
    await _take(session, _count_in_window, key, now, now + window, budget=budget)


async def _take(
    session: AsyncSession, by: Callable[[str], Any], key: str, now: datetime, ends_at: datetime, **values: object
) -> None:
    """Count and decide in one statement. Raises TooManyAttempts, which rolls back the whole transaction."""
    statement = by(session.get_bind().dialect.name)
    values |= {"key_": key, "now": now, "ends_at": ends_at}
    if (await session.execute(statement, values)).scalar_one_or_none() is None:
        next_at = (await session.execute(_FIND_NEXT, {"key_": key})).scalar_one_or_none()
        raise TooManyAttempts((next_at or now) - now)


async def give_back(session: AsyncSession, key: str) -> None:
    """Count one attempt fewer and lift the delay. Only this attempt can have set a delay: it was taken without one."""
    await session.execute(_GIVE_BACK, {"key_": key})


# Built once: building such a statement takes several times as long as running it.
_TABLE: Any = AttemptBudget.__table__
_IS = _TABLE.c.key == bindparam("key_")
_FIND_NEXT = select(_TABLE.c.next_at).where(_IS)
_FORGET = delete(_TABLE).where(_IS)
_GIVE_BACK = update(_TABLE).where(_IS, _TABLE.c.count > 0).values(count=_TABLE.c.count - 1, next_at=NOT_HELD)
_FREELY, _NOW, _END = literal(NOT_HELD, Instant), bindparam("now", type_=Instant), bindparam("ends_at", type_=Instant)
_IS_OVER = _TABLE.c.expires_at <= _NOW
_COUNT = case((_IS_OVER, 1), else_=_TABLE.c.count + 1)


def _counting(dialect: str, next_at: Any, expires_at: Any) -> Any:
    changes = {"count": _COUNT, "next_at": next_at, "expires_at": expires_at}
    is_free = or_(_TABLE.c.next_at <= _NOW, _IS_OVER)
    first = insert_by(dialect, _TABLE).values(key=bindparam("key_"), count=1, next_at=NOT_HELD, expires_at=_END)
    counted = first.on_conflict_do_update(index_elements=[_TABLE.c.key], set_=changes, where=is_free)
    return counted.returning(_TABLE.c.count)


def _delay() -> Any:
    free = bindparam("free", type_=Integer)
    steps = [(free + step == _COUNT, bindparam(f"after_{step}", type_=Instant)) for step in range(len(DELAYS))]
    return case((free > _COUNT, _FREELY), *steps, else_=steps[-1][1])  # the last delay is MAX_DELAY


def _within_window() -> tuple[Any, Any]:
    ends_at = case((_IS_OVER, _END), else_=_TABLE.c.expires_at)
    return case((bindparam("budget", type_=Integer) <= _COUNT, ends_at), else_=_FREELY), ends_at


@cache
def _count_with_delay(dialect: str) -> Any:
    return _counting(dialect, _delay(), _END)


@cache
def _count_in_window(dialect: str) -> Any:
    return _counting(dialect, *_within_window())
