"""Read and change rows of todos. Every function takes the owner first, and every statement compares it.

A change first takes the owner's next number (owners.py). This locks out the owner's other changes until the transaction
ends, so a row that is read after it cannot change before it is written.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from . import owners, transitions
from .rooms import Quota
from .table import todos
from .transitions import RESTORE_TTL, TodoNotFound, VersionDiffers, Versions

__all__ = ["RESTORE_TTL", "SHOWN", "TodoNotFound", "VersionDiffers", "Versions"]

_HIDDEN = ("owner", "due_at", "sequence", "octets", "folded", "folded_version")
SHOWN = tuple(column for column in todos.c if column.name not in _HIDDEN)
_KNOWN = (*SHOWN, todos.c.octets, todos.c.folded_version)  # what a change has to know
_IS = (todos.c.owner == bindparam("owner_"), todos.c.id == bindparam("id_"))
_INSERT = insert(todos)
_FIND = select(*SHOWN).where(*_IS, todos.c.deleted_at.is_(None))
_FIND_TO_CHANGE = select(*_KNOWN).where(*_IS)
_FIND_MANY = select(*_KNOWN).where(
    todos.c.owner == bindparam("owner_"), todos.c.id.in_(bindparam("ids", expanding=True))
)
REMOVED_AT_ONCE = 100


async def create(
    owner: str, connection: AsyncConnection, *, id_: uuid.UUID, fields: Mapping[str, Any], now: datetime, quota: Quota
) -> Mapping[str, Any]:
    """Add a todo. Without a position it comes after all existing ones.

    Raises:
        QuotaExceeded: nothing is changed.
    """
    values = transitions.created(fields, id_=id_, now=now)
    sequence = await owners.advance_and_add(owner, connection, octets=values["octets"], quota=quota, now=now)
    await connection.execute(_INSERT, {**values, "owner": owner, "sequence": sequence})
    return values


async def find(owner: str, connection: AsyncConnection, id_: uuid.UUID) -> RowMapping | None:
    return (await connection.execute(_FIND, {"owner_": owner, "id_": id_})).mappings().one_or_none()


async def change(
    owner: str,
    connection: AsyncConnection,
    id_: uuid.UUID,
    columns: Mapping[str, Any],
    *,
    versions: Versions,
    now: datetime,
    quota: Quota,
) -> RowMapping:
    """Set `columns`. If all values stay the same, the version stays the same.

    Raises:
        TodoNotFound, VersionDiffers, QuotaExceeded: nothing is changed.
    """
    sequence = await owners.advance(owner, connection)
    row = await _get_to_change(owner, connection, id_)
    written = transitions.changed(row, columns, versions=versions, now=now)
    if not written:
        return row
    if more := transitions.more_octets(row, written):
        await owners.keep(owner, connection, more, quota=quota, now=now)
    return await _write(owner, connection, id_, written, sequence)


async def remove(
    owner: str, connection: AsyncConnection, id_: uuid.UUID, *, versions: Versions, now: datetime
) -> RowMapping:
    """Mark the todo as deleted. The row stays for 30 days: it can be restored, and clients learn of the deletion.

    Raises:
        TodoNotFound, VersionDiffers: nothing is changed.
    """
    sequence = await owners.advance(owner, connection)
    row = await _get_to_change(owner, connection, id_)
    written = transitions.removed(row, versions=versions, now=now)
    await owners.count(owner, connection, -1)
    return await _write(owner, connection, id_, written, sequence)


async def remove_some(owner: str, connection: AsyncConnection, *, now: datetime) -> int:
    """Mark up to REMOVED_AT_ONCE todos as deleted, and return how many. Each gets its own number, for /changes."""
    sequence = await owners.advance(owner, connection)
    if sequence is None:
        return 0
    parameters = {"owner_": owner, "now": now, "before": sequence - 1}
    removed: int = (await connection.execute(_REMOVE_SOME, parameters)).rowcount
    await owners.advance(owner, connection, by=removed)
    await owners.count(owner, connection, -removed)
    return removed


async def restore(
    owner: str, connection: AsyncConnection, id_: uuid.UUID, *, versions: Versions, now: datetime, quota: Quota
) -> RowMapping:
    """Undo `remove`. A todo that is not deleted does not change.

    Raises:
        TodoNotFound, VersionDiffers, QuotaExceeded: nothing is changed.
    """
    sequence = await owners.advance(owner, connection)
    row = await _get_to_change(owner, connection, id_)
    written = transitions.restored(row, versions=versions, now=now)
    if not written:
        return row
    await owners.count(owner, connection, 1, quota=quota.todos)
    return await _write(owner, connection, id_, written, sequence)


async def find_many(owner: str, connection: AsyncConnection, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, RowMapping]:
    """The todos with these ids, deleted ones too."""
    rows = (await connection.execute(_FIND_MANY, {"owner_": owner, "ids": list(ids)})).mappings().all()
    return {row["id"]: row for row in rows}


async def insert_many(owner: str, connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add new todos with their numbers."""
    await connection.execute(_INSERT, [{**row, "owner": owner} for row in rows])


async def update_many(owner: str, connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the columns that each row has besides its `id`. All rows have the same columns."""
    names = [name for name in rows[0] if name != "id"]
    statement = update(todos).where(*_IS).values({name: bindparam(f"{name}_new") for name in names})
    parameters = [{"owner_": owner, "id_": row["id"], **{f"{name}_new": row[name] for name in names}} for row in rows]
    await connection.execute(statement, parameters)


async def find_changes(owner: str, connection: AsyncConnection, *, since: int, limit: int) -> Sequence[RowMapping]:
    """Up to `limit` todos whose last change has a number above `since`, in this order; with deleted ones."""
    return (await connection.execute(_CHANGES, {"owner_": owner, "since": since, "limit": limit})).mappings().all()


async def find_all(
    owner: str, connection: AsyncConnection, *, after: uuid.UUID, deleted_after: datetime, limit: int
) -> Sequence[RowMapping]:
    """Up to `limit` todos with ids above `after`; with the ones that were deleted after `deleted_after`."""
    parameters = {"owner_": owner, "after": after, "deleted_after": deleted_after, "limit": limit}
    return (await connection.execute(_ALL, parameters)).mappings().all()


_CHANGES = (
    select(*SHOWN, todos.c.sequence)
    .where(todos.c.owner == bindparam("owner_"), todos.c.sequence > bindparam("since"))
    .order_by(todos.c.sequence)
    .limit(bindparam("limit"))
)
_ALL = (
    select(*SHOWN)
    .where(
        todos.c.owner == bindparam("owner_"),
        todos.c.id > bindparam("after"),
        todos.c.deleted_at.is_(None) | (todos.c.deleted_at > bindparam("deleted_after")),
    )
    .order_by(todos.c.id)
    .limit(bindparam("limit"))
)


_NEXT = (
    select(todos.c.id)
    .where(todos.c.owner == bindparam("owner_"), todos.c.deleted_at.is_(None))
    .order_by(todos.c.id)
    .limit(REMOVED_AT_ONCE)
    .subquery()
)
_NUMBERED = select(_NEXT.c.id, func.row_number().over(order_by=_NEXT.c.id).label("place")).subquery()
_REMOVE_SOME = (
    update(todos)
    .where(todos.c.owner == bindparam("owner_"), todos.c.id == _NUMBERED.c.id)
    .values(
        deleted_at=bindparam("now", type_=todos.c.deleted_at.type),
        updated_at=bindparam("now", type_=todos.c.deleted_at.type),
        version=todos.c.version + 1,
        folded_version=todos.c.folded_version + 1,
        sequence=bindparam("before", type_=todos.c.sequence.type) + _NUMBERED.c.place,
    )
)


async def _get_to_change(owner: str, connection: AsyncConnection, id_: uuid.UUID) -> RowMapping:
    """The todo, also a deleted one. Raises TodoNotFound."""
    row = (await connection.execute(_FIND_TO_CHANGE, {"owner_": owner, "id_": id_})).mappings().one_or_none()
    if row is None:
        raise TodoNotFound
    return row


async def _write(
    owner: str, connection: AsyncConnection, id_: uuid.UUID, columns: Mapping[str, Any], sequence: int | None
) -> RowMapping:
    statement = update(todos).where(*_IS).values(**columns, sequence=sequence).returning(*SHOWN)
    return (await connection.execute(statement, {"owner_": owner, "id_": id_})).mappings().one()
