"""Pages of a list. Each is found by an index, so a page costs the same however many todos there are.

Each combination of order and filters has one statement, which is built at the first use and then cached.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import Column, ColumnElement, Row, Select, bindparam, func, or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from .lists import After, ListParameters
from .queries import RESTORE_TTL, SHOWN
from .table import todos

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


def _contains(column: Column[Any]) -> ColumnElement[bool]:
    return func.lower(column).like(bindparam("q"), escape="\\")


_FILTERS: dict[str, ColumnElement[bool]] = {
    "status": todos.c.status == bindparam("status"),
    "priority": todos.c.priority == bindparam("priority"),
    "due_before": todos.c.due_at < bindparam("due_before"),
    "due_after": todos.c.due.is_not(None) & (todos.c.due_at >= bindparam("due_after")),
    "q": or_(_contains(todos.c.title), _contains(todos.c.notes)),
}


async def find_page(
    owner: str, connection: AsyncConnection, *, shown: ListParameters, after: After | None, limit: int, now: datetime
) -> Sequence[Row[Any]]:
    """Up to `limit` todos after the todo `after`, each with the value that it is sorted by."""
    filters = shown.filters()
    if "q" in filters:
        filters["q"] = _pattern(str(filters["q"]))
    place = {} if after is None else {"after": after.value, "after_id": after.id}
    restorable = {"deleted_after": now - RESTORE_TTL} if shown.deleted else {}
    statement = _build(shown.column, shown.descending, frozenset(filters), after is not None, bool(shown.deleted))
    parameters = {"owner_": owner, "limit": limit, **filters, **place, **restorable}
    rows: Sequence[Row[Any]] = (await connection.execute(statement, parameters)).all()
    return rows


def members(row: Row[Any]) -> dict[str, Any]:
    """A todo's members for JSON. It is a dict: making fifty models takes longer than finding the rows."""
    return dict(zip(_NAMES, row, strict=False))  # without the last column, the value that it is sorted by


@lru_cache(maxsize=512)
def _build(
    column: str,
    descending: bool,
    filters: frozenset[str],
    continued: bool,
    deleted: bool,
) -> Select[Any]:
    by = _COLUMNS[column]
    keys: list[Column[Any]] = [by] if by is todos.c.id else [by, todos.c.id]
    gone = todos.c.deleted_at > bindparam("deleted_after") if deleted else todos.c.deleted_at.is_(None)
    statement = select(*SHOWN, by.label("sort_value")).where(todos.c.owner == bindparam("owner_"), gone)
    statement = statement.where(*(_FILTERS[name] for name in sorted(filters)))
    if continued:
        statement = statement.where(_goes_on(keys, descending=descending))
    return statement.order_by(*(key.desc() if descending else key for key in keys)).limit(bindparam("limit"))


def _goes_on(keys: Sequence[Column[Any]], *, descending: bool) -> ColumnElement[bool]:
    """The condition for todos after the last one of the page before: a comparison of rows, which uses the index."""
    names = ("after", "after_id") if len(keys) == 2 else ("after_id",)
    last = [bindparam(name, type_=key.type) for name, key in zip(names, keys, strict=True)]
    if len(keys) == 1:
        return keys[0] < last[0] if descending else keys[0] > last[0]
    return tuple_(*keys) < tuple_(*last) if descending else tuple_(*keys) > tuple_(*last)


def _pattern(text: str) -> str:
    r"""A LIKE pattern for exactly this text: `%`, `_` and `\` are escaped."""
    escaped = text.lower().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
