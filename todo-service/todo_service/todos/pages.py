"""Pages of a list. Each is found by an index, so a page costs the same however many todos there are.

Each combination of order and filters has one statement, which is built at the first use and then cached. A page ends
early when its todos are large: no response takes long to make.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from functools import lru_cache, partial
from operator import ge, gt, le, lt
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, Select, bindparam, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from .due import NEVER
from .lists import After, ListParameters
from .queries import RESTORE_TTL, SHOWN
from .table import todos

PIECE = 51  # rows that one statement returns: a page of the default size, and one more
MOST_OCTETS = 256 * 1024  # of the todos of a page, the last one excepted
Find = Callable[[Select[Any], dict[str, Any]], Awaitable[Sequence[Row[Any]]]]  # runs a statement with its values
_UNKNOWN = 4096  # octets that count for a todo of the version before 0004
_COLUMNS: dict[str, Column[Any]] = {
    "created": todos.c.id,  # UUIDv7: ids sort in the order of creation
    "updated": todos.c.updated_at,
    "due": todos.c.due_at,
    "priority": todos.c.priority,
    "position": todos.c.position,
}
_NAMES = tuple(
    str(column.name) for column in SHOWN
)  # SQLAlchemy's own subclass of str takes three times as long to write as JSON


_FILTERS: dict[str, ColumnElement[bool]] = {
    "status": todos.c.status == bindparam("status"),
    "priority": todos.c.priority == bindparam("priority"),
    "list_id": todos.c.list_id == bindparam("list_id"),
    "inbox": todos.c.list_id.is_(None),
    "due_before": todos.c.due_at < bindparam("due_before"),
    "due_after": (todos.c.due_at >= bindparam("due_after")) & (todos.c.due_at < NEVER),
}
# A due date without a time is a date everywhere, stored as the beginning of that day in UTC. A time is in the day if
# the zone's clocks show that date. The outer bounds are for the index.
_IS_DATE = func.length(todos.c.due) == len("2027-01-31")
_FILTERS["due_on"] = (
    (todos.c.due_at >= bindparam("due_on_first"))
    & (todos.c.due_at <= bindparam("due_on_last"))
    & (
        (_IS_DATE & (todos.c.due_at == bindparam("due_on")))
        | (~_IS_DATE & (todos.c.due_at >= bindparam("due_on_begin")) & (todos.c.due_at < bindparam("due_on_end")))
    )
)


class Page:
    """The todos of a page while they are collected: at most `limit`, and as many as fit into MOST_OCTETS."""

    def __init__(self, limit: int) -> None:
        self.rows: list[Row[Any]] = []
        self.has_more = False
        self._limit = limit
        self._left = MOST_OCTETS

    @property
    def missing(self) -> int:
        """How many rows to read next. One more than the page has shows that there are more."""
        return min(PIECE, self._limit - len(self.rows) + 1)

    @property
    def room(self) -> int:
        """How many octets the next rows may have; there is always room for one row."""
        return max(1, self._left)

    def add(self, rows: Sequence[Row[Any]]) -> bool:
        """Add what `read` returned. True if the page is full."""
        for row in rows:
            if len(self.rows) == self._limit:
                self.has_more = True
                return True
            self.rows.append(row)
            self._left -= row.octets or _UNKNOWN
        self.has_more = bool(rows) and rows[0].found > len(rows)
        return self.has_more


async def find_page(owner: str, find: Find, *, shown: ListParameters, after: After | None, now: datetime) -> Page:
    """The todos after the todo `after`, each with the value that it is sorted by. `q` is not looked at."""
    page = Page(shown.limit)
    statement = partial(_build, *_shape(shown), bounded=False, strpos="", deleted=bool(shown.deleted))
    while True:
        parameters = _parameters(owner, shown, after, None, now) | {
            "limit": (wanted := page.missing),
            "room": page.room,
        }
        rows = await find(statement(continued=after is not None), parameters)
        if page.add(rows) or len(rows) < wanted:
            return page
        after = place(rows[-1])


async def read(
    owner: str,
    connection: AsyncConnection,
    *,
    shown: ListParameters,
    after: After | None,
    limit: int,
    room: int,
    now: datetime,
    until: After | None,
    contains: str,
) -> Sequence[Row[Any]]:
    """Up to `limit` todos after `after` and not behind `until`, whose folded text contains `contains`.

    If they have more than `room` octets, only the first of them; `found` of each row is how many there are.
    """
    strpos = "" if not contains else "instr" if connection.dialect.name == "sqlite" else "strpos"
    statement = _build(
        *_shape(shown),
        continued=after is not None,
        bounded=until is not None,
        strpos=strpos,
        deleted=bool(shown.deleted),
    )
    parameters = _parameters(owner, shown, after, until, now) | {"limit": limit, "room": room, "q": contains}
    rows: Sequence[Row[Any]] = (await connection.execute(statement, parameters)).all()
    return rows


async def find_end(
    owner: str, connection: AsyncConnection, *, shown: ListParameters, after: After | None, count: int, now: datetime
) -> After | None:
    """The last of the next `count` todos after `after`, or None if there are not so many."""
    statement = _build_end(*_shape(shown), after is not None, bool(shown.deleted))
    parameters = _parameters(owner, shown, after, None, now) | {"skipped": count - 1}
    row = (await connection.execute(statement, parameters)).one_or_none()
    return None if row is None else place(row)


def place(row: Row[Any]) -> After:
    return After(row.sort_value, row.id)


def _shape(shown: ListParameters) -> tuple[str, bool, frozenset[str]]:
    """What makes a statement another one: its order, and which filters it has."""
    return shown.column, shown.descending, frozenset(shown.filters()) & frozenset(_FILTERS)


def _parameters(
    owner: str, shown: ListParameters, after: After | None, until: After | None, now: datetime
) -> dict[str, Any]:
    parameters: dict[str, Any] = {"owner_": owner, **shown.filters()}
    if after is not None:
        parameters |= {"after": after.value, "after_id": after.id}
    if until is not None:
        parameters |= {"until": until.value, "until_id": until.id}
    if shown.deleted:
        parameters["deleted_after"] = now - RESTORE_TTL
    return parameters


def members(row: Row[Any]) -> dict[str, Any]:
    """A todo's members for JSON. It is a dict: making fifty models takes longer than finding the rows."""
    return dict(zip(_NAMES, row, strict=False))  # without the last three columns, which are not shown


_COMPARISONS = {(True, False): lt, (True, True): le, (False, False): gt, (False, True): ge}


@lru_cache(maxsize=512)
def _build(
    column: str,
    descending: bool,
    filters: frozenset[str],
    *,
    continued: bool,
    bounded: bool,
    strpos: str,
    deleted: bool,
) -> Select[Any]:
    conditions = _conditions(column, descending, filters, continued=continued, bounded=bounded, deleted=deleted)
    if strpos:
        conditions.append(getattr(func, strpos)(todos.c.folded, bindparam("q", type_=todos.c.folded.type)) > 0)
    by, order = _COLUMNS[column], _order(_keys(column), descending=descending)
    # The keys are found and sorted without the texts.
    keys = select(*_keys(column), func.coalesce(todos.c.octets, _UNKNOWN).label("octets")).where(*conditions)
    found = keys.order_by(*order).limit(bindparam("limit")).subquery("keys")
    by_key = _order([found.c[key.name] for key in _keys(column)], descending=descending)
    before = func.sum(found.c.octets).over(order_by=by_key) - found.c.octets
    summed = select(found.c.id, before.label("before"), func.count().over().label("found")).subquery("summed")
    return (
        select(*SHOWN, by.label("sort_value"), todos.c.octets, summed.c.found)
        .join(summed, todos.c.id == summed.c.id)
        .where(todos.c.owner == bindparam("owner_"), summed.c.before < bindparam("room"))
        .order_by(*order)
    )


def _order(keys: Sequence[ColumnElement[Any]], *, descending: bool) -> list[ColumnElement[Any]]:
    return [key.desc() if descending else key for key in keys]


@lru_cache(maxsize=512)
def _build_end(column: str, descending: bool, filters: frozenset[str], continued: bool, deleted: bool) -> Select[Any]:
    conditions = _conditions(column, descending, filters, continued=continued, bounded=False, deleted=deleted)
    order = _order(_keys(column), descending=descending)
    statement = select(todos.c.id, _COLUMNS[column].label("sort_value")).where(*conditions)
    return statement.order_by(*order).limit(1).offset(bindparam("skipped"))


def _keys(column: str) -> list[Column[Any]]:
    by = _COLUMNS[column]
    return [by] if by is todos.c.id else [by, todos.c.id]


def _conditions(
    column: str, descending: bool, filters: frozenset[str], *, continued: bool, bounded: bool, deleted: bool
) -> list[ColumnElement[bool]]:
    gone = todos.c.deleted_at > bindparam("deleted_after") if deleted else todos.c.deleted_at.is_(None)
    conditions = [todos.c.owner == bindparam("owner_"), gone, *(_FILTERS[name] for name in sorted(filters))]
    if continued:
        conditions.append(_goes_on(_keys(column), descending=descending))
    if bounded:
        conditions.append(_goes_on(_keys(column), descending=not descending, name="until", inclusive=True))
    return conditions


def _goes_on(
    keys: Sequence[Column[Any]], *, descending: bool, name: str = "after", inclusive: bool = False
) -> ColumnElement[bool]:
    """The condition for todos after the last one of the page before: a comparison of rows, which uses the index."""
    names = (name, f"{name}_id") if len(keys) == 2 else (f"{name}_id",)
    last = [bindparam(name, type_=key.type) for name, key in zip(names, keys, strict=True)]
    compare = _COMPARISONS[descending, inclusive]
    condition: ColumnElement[bool] = (
        compare(keys[0], last[0]) if len(keys) == 1 else compare(tuple_(*keys), tuple_(*last))
    )
    return condition
