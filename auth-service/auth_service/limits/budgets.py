"""Budgets of attempts, in a table: how often something may be tried, and when it may be tried again.

A budget has a key, and one of two kinds: some attempts are free and each further one waits longer, or a fixed window
takes so many. One conditional statement counts and decides.

Keys are HMACs, so the table does not reveal which accounts were tried. Rows expire. Above MAX_ROWS the rows with the
fewest attempts are deleted (worker/expiry.py), so that invented names cannot fill the table.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Index, Integer, String, bindparam, case, delete, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..store.instants import Instant
from ..store.rows import Expiry, Row, insert_by

MAX_DELAY = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=1)
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


async def take_with_delay(session: AsyncSession, key: str, now: datetime, free: int) -> None:
    """Count an attempt. After `free` ones each further one has to wait, twice as long every time.

    Raises:
        TooManyAttempts
    """
    delays = {f"after_{step}": now + delay for step, delay in enumerate(DELAYS)}
    await _take(session, _count_with_delay, key, now, now + FORGOTTEN_AFTER, free=free, **delays)


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


async def forget(session: AsyncSession, key: str) -> None:
    await session.execute(_FORGET, {"key_": key})


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
