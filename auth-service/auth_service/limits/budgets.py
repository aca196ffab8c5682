"""Budgets of attempts, in a table: how often something may be tried, and when it may be tried again.

A budget has a key, and one of two kinds: some attempts are free and each further one waits longer, or a fixed window
takes so many. One conditional statement counts and decides.

Keys are HMACs, so the table does not reveal which accounts were tried. Rows expire. Above MAX_ROWS the rows with the
fewest attempts are deleted (worker/expiry.py), so that invented names cannot fill the table.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Index, Integer, String, bindparam, case, delete, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..store.database import Database
from ..store.instants import Instant
from ..store.rows import Expiry, Row
from ..store.together import Asked, Found, PerDatabase, Rows, send

MAX_DELAY = timedelta(minutes=15)
FORGOTTEN_AFTER = timedelta(hours=1)
MAX_ROWS = 200_000

# "No delay" is a time long past instead of `now`: clocks differ between processes, and `now` could delay a request
# whose process has an earlier clock.
NOT_HELD = datetime.fromtimestamp(0, UTC)

# One second after the fifth attempt, then twice as long after each further one.
DELAYS = [min(timedelta(seconds=2**doubling), MAX_DELAY) for doubling in range(11)]


class TooManyAttempts(Exception):
    """A budget takes no attempt before `retry_after` has passed."""

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


def counting_with_delay(key: str, free: int, *, now: datetime) -> Asked:
    """Count an attempt. No row: it has to wait. After `free` ones each further one waits twice as long as the last."""
    delays = {f"after_{step}": now + delay for step, delay in enumerate(DELAYS)}
    return Asked(_COUNT_WITH_DELAY, _values(key, now, FORGOTTEN_AFTER) | {"free": free} | delays)


def counting_in_window(key: str, budget: int, window: timedelta, *, now: datetime) -> Asked:
    """Count an attempt in a fixed window. No row: the budget is used up, and it has to wait for the window's end."""
    return Asked(_COUNT_IN_WINDOW, _values(key, now, window) | {"budget": budget})


def _values(key: str, now: datetime, lasting: timedelta) -> dict[str, object]:
    return {"key_": key, "now": now, "ends_at": now + lasting}


def forgetting(key: str) -> Asked:
    """Delete the budget, so that the next attempt is its first one."""
    return Asked(_FORGET, {"key_": key})


def giving_back(key: str) -> Asked:
    """Count one attempt fewer and lift the delay. Only this attempt can have set a delay: it was taken without one."""
    return Asked(_GIVE_BACK, {"key_": key})


async def take_with_delay(session: AsyncSession, key: str, now: datetime, free: int) -> None:
    """As `counting_with_delay`. Raises TooManyAttempts, which rolls back the whole transaction."""
    await _take(session, counting_with_delay(key, free, now=now), key, now)


async def take_in_window(session: AsyncSession, key: str, budget: int, window: timedelta, *, now: datetime) -> None:
    """As `counting_in_window`. Raises TooManyAttempts, which rolls back the whole transaction."""
    await _take(session, counting_in_window(key, budget, window, now=now), key, now)


async def _take(session: AsyncSession, counting: Asked, key: str, now: datetime) -> None:
    if not (await send(session, {"counted": counting}))["counted"]:
        raise _too_many((await send(session, {"next": Asked(_FIND_NEXT, {"key_": key})}))["next"], now)


class _Held(Exception):
    """The budget of this key takes no attempt."""

    def __init__(self, key: str) -> None:
        super().__init__()
        self.key = key


async def take_all(database: Database, counting: Mapping[str, Asked], now: datetime) -> None:
    """Count an attempt in all of these budgets, by key, or in none. Raises TooManyAttempts for the first that is held.

    This is a transaction of its own.
    """

    def refuse(found: Found) -> Exception | None:
        held = next((key for key in counting if not found[key]), None)
        return None if held is None else _Held(held)

    try:
        await database.transact_together(counting, refuse)
    except _Held as held:
        raise _too_many(await database.find_rows(_FIND_NEXT, {"key_": held.key}), now) from None


def _too_many(next_at: Rows, now: datetime) -> TooManyAttempts:
    """The refusal. Without a row the budget has just been deleted."""
    return TooManyAttempts((next_at[0][0] if next_at else now) - now)


async def give_back(session: AsyncSession, key: str) -> None:
    """As `giving_back`."""
    await send(session, {"given back": giving_back(key)})


# Built once: building such a statement takes several times as long as running it.
_TABLE: Any = AttemptBudget.__table__
_IS = _TABLE.c.key == bindparam("key_")
_FIND_NEXT = select(_TABLE.c.next_at).where(_IS)
_FORGET = delete(_TABLE).where(_IS).returning(_TABLE.c.key)
_GIVE_BACK = (
    update(_TABLE)
    .where(_IS, _TABLE.c.count > 0)
    .values(count=_TABLE.c.count - 1, next_at=NOT_HELD)
    .returning(_TABLE.c.key)
)
_FREELY, _NOW, _END = literal(NOT_HELD, Instant), bindparam("now", type_=Instant), bindparam("ends_at", type_=Instant)
_IS_OVER = _TABLE.c.expires_at <= _NOW
_COUNT = case((_IS_OVER, 1), else_=_TABLE.c.count + 1)


def _counting(insert: Any, next_at: Any, expires_at: Any) -> Any:
    changes = {"count": _COUNT, "next_at": next_at, "expires_at": expires_at}
    is_free = or_(_TABLE.c.next_at <= _NOW, _IS_OVER)
    first = insert(_TABLE).values(key=bindparam("key_"), count=1, next_at=NOT_HELD, expires_at=_END)
    counted = first.on_conflict_do_update(index_elements=[_TABLE.c.key], set_=changes, where=is_free)
    return counted.returning(_TABLE.c.count)


def _delay() -> Any:
    free = bindparam("free", type_=Integer)
    steps = [(free + step == _COUNT, bindparam(f"after_{step}", type_=Instant)) for step in range(len(DELAYS))]
    return case((free > _COUNT, _FREELY), *steps, else_=steps[-1][1])  # the last delay is MAX_DELAY


def _within_window() -> tuple[Any, Any]:
    ends_at = case((_IS_OVER, _END), else_=_TABLE.c.expires_at)
    return case((bindparam("budget", type_=Integer) <= _COUNT, ends_at), else_=_FREELY), ends_at


_COUNT_WITH_DELAY = PerDatabase(lambda insert: _counting(insert, _delay(), _END))
_COUNT_IN_WINDOW = PerDatabase(lambda insert: _counting(insert, *_within_window()))
