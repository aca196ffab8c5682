"""Read and change rows of todos. Every function takes the owner first, and every statement compares it.

A change first takes the owner's next number (owners.py). This locks out the owner's other changes until the transaction
ends, so a row that is read after it cannot change before it is written.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, bindparam, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from . import owners
from .table import todos

RESTORE_TTL = timedelta(days=30)
Versions = Collection[int] | None  # the versions that the client accepts; None: any

SHOWN = tuple(column for column in todos.c if column.name not in ("owner", "due_at", "sequence"))
_IS = (todos.c.owner == bindparam("owner_"), todos.c.id == bindparam("id_"))
_INSERT = insert(todos)
_FIND = select(*SHOWN).where(*_IS, todos.c.deleted_at.is_(None))
_FIND_DELETED = select(*SHOWN).where(*_IS)


class TodoNotFound(Exception):
    """The owner has no such todo."""


class VersionDiffers(Exception):
    """The todo has another version than the client accepts. `version` is the present one."""

    def __init__(self, version: int) -> None:
        super().__init__()
        self.version = version


async def create(
    owner: str, connection: AsyncConnection, *, id_: uuid.UUID, fields: Mapping[str, Any], now: datetime, quota: int
) -> Mapping[str, Any]:
    """Add a todo. Without a position it comes after all existing ones.

    Raises:
        QuotaExceeded: nothing is changed.
    """
    values = {
        **fields,
        "id": id_,
        "completed_at": now if fields["status"] == "done" else None,
        "position": fields["position"] or f"{id_.hex[:16]}V",
        "version": 1,
        "created_at": now,
        "updated_at": now,
        "deleted_at": None,
    }
    sequence = await owners.advance_and_count(owner, connection, quota=quota)
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
) -> RowMapping:
    """Set `columns`. If all values stay the same, the version stays the same.

    Raises:
        TodoNotFound, VersionDiffers: nothing is changed.
    """
    sequence = await owners.advance(owner, connection)
    row = _check(await find(owner, connection, id_), versions)
    if all(row[name] == value for name, value in columns.items() if name in row):
        return row
    return await _write(owner, connection, row, {**columns, **_completed_at(row, columns, now)}, sequence, now)


async def remove(
    owner: str, connection: AsyncConnection, id_: uuid.UUID, *, versions: Versions, now: datetime
) -> RowMapping:
    """Mark the todo as deleted. The row stays for 30 days: it can be restored, and clients learn of the deletion.

    Raises:
        TodoNotFound, VersionDiffers: nothing is changed.
    """
    sequence = await owners.advance(owner, connection)
    row = _check(await find(owner, connection, id_), versions)
    await owners.count(owner, connection, -1)
    return await _write(owner, connection, row, {"deleted_at": now}, sequence, now)


async def remove_all(owner: str, connection: AsyncConnection, *, now: datetime) -> None:
    """Mark every todo as deleted. Each deletion gets its own number, so that /changes lists all of them."""
    sequence = await owners.advance(owner, connection)
    if sequence is None:
        return
    parameters = {"owner_": owner, "now": now, "before": sequence - 1}
    removed = (await connection.execute(_REMOVE_ALL, parameters)).rowcount
    await owners.advance(owner, connection, by=removed)
    await owners.count(owner, connection, -removed)


async def restore(
    owner: str, connection: AsyncConnection, id_: uuid.UUID, *, versions: Versions, now: datetime, quota: int
) -> RowMapping:
    """Undo `remove`. A todo that is not deleted does not change.

    Raises:
        TodoNotFound, VersionDiffers, QuotaExceeded: nothing is changed.
    """
    sequence = await owners.advance(owner, connection)
    found = (await connection.execute(_FIND_DELETED, {"owner_": owner, "id_": id_})).mappings().one_or_none()
    row = _check(found, versions)
    if row["deleted_at"] is None:
        return row
    if row["deleted_at"] <= now - RESTORE_TTL:
        raise TodoNotFound
    await owners.count(owner, connection, 1, quota=quota)
    return await _write(owner, connection, row, {"deleted_at": None}, sequence, now)


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


_REMAINING = (
    select(todos.c.id, func.row_number().over(order_by=todos.c.id).label("place"))
    .where(todos.c.owner == bindparam("owner_"), todos.c.deleted_at.is_(None))
    .subquery()
)
_REMOVE_ALL = (
    update(todos)
    .where(todos.c.owner == bindparam("owner_"), todos.c.id == _REMAINING.c.id)
    .values(
        deleted_at=bindparam("now", type_=todos.c.deleted_at.type),
        updated_at=bindparam("now", type_=todos.c.deleted_at.type),
        version=todos.c.version + 1,
        sequence=bindparam("before", type_=todos.c.sequence.type) + _REMAINING.c.place,
    )
)


def _check(row: RowMapping | None, versions: Versions) -> RowMapping:
    if row is None:
        raise TodoNotFound
    if versions is not None and row["version"] not in versions:
        raise VersionDiffers(row["version"])
    return row


async def _write(
    owner: str,
    connection: AsyncConnection,
    row: RowMapping,
    columns: Mapping[str, Any],
    sequence: int | None,
    now: datetime,
) -> RowMapping:
    statement = (
        update(todos)
        .where(*_IS)
        .values(**columns, version=row["version"] + 1, updated_at=now, sequence=sequence)
        .returning(*SHOWN)
    )
    return (await connection.execute(statement, {"owner_": owner, "id_": row["id"]})).mappings().one()


def _completed_at(row: RowMapping, columns: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """The new time of completion, if the status changes. Completing a todo again keeps the first time."""
    if columns.get("status", row["status"]) == row["status"]:
        return {}
    return {"completed_at": now if columns["status"] == "done" else None}
