"""Read and change rows of todos. Every function takes the owner first, and every statement compares it.

A change first takes the owner's next number (owners.py). This locks out the owner's other changes until the transaction
ends, so a row that is read after it cannot change before it is written.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Update, bindparam, func, insert, null, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ..store.database import Database
from . import owners, transitions
from .rooms import Quota
from .table import departures, lists, todos
from .transitions import RESTORE_TTL, Columns, TodoNotFound, UnknownList, VersionDiffers, Versions

__all__ = ["RESTORE_TTL", "SHOWN", "TodoNotFound", "UnknownList", "VersionDiffers", "Versions"]

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
Within = Collection[uuid.UUID] | None  # the owner's lists to which a member of them is bound; None: the owner itself
_LEAVE = text(
    "INSERT INTO departures (owner, list_id, todo_id, sequence, left_at)"
    " SELECT lists.owner, lists.id, :todo_id, :sequence, :now FROM lists"
    " WHERE lists.owner = :owner_ AND lists.id = :list_id AND lists.members > 0"
    " ON CONFLICT (owner, list_id, todo_id) DO UPDATE SET sequence = excluded.sequence, left_at = excluded.left_at"
).bindparams(
    bindparam("todo_id", type_=todos.c.id.type),
    bindparam("list_id", type_=todos.c.id.type),
    bindparam("now", type_=todos.c.deleted_at.type),
)


async def create(
    owner: str,
    connection: AsyncConnection,
    *,
    id_: uuid.UUID,
    fields: Mapping[str, Any],
    now: datetime,
    quota: Quota,
    within: Within = None,
) -> Mapping[str, Any]:
    """Add a todo. Without a position it comes after all existing ones.

    Raises:
        QuotaExceeded, UnknownList: the transaction must be rolled back.
    """
    values = transitions.created(fields, id_=id_, now=now)
    sequence = await owners.advance_and_add(owner, connection, octets=values["octets"], quota=quota, now=now)
    await require_list(owner, connection, values["list_id"], within)
    await connection.execute(_INSERT, {**values, "owner": owner, "sequence": sequence})
    return values


async def find(owner: str, database: Database, id_: uuid.UUID, within: Within = None) -> Columns | None:
    rows = await database.find_rows(owner, _FIND, {"owner_": owner, "id_": id_})
    row: Columns | None = rows[0]._asdict() if rows else None
    return row if row is None or within is None or row["list_id"] in within else None


async def find_to_change(owner: str, database: Database, id_: uuid.UUID) -> Columns | None:
    """What a change has to know of the todo, also of a deleted one, without a lock."""
    rows = await database.find_rows(owner, _FIND_TO_CHANGE, {"owner_": owner, "id_": id_})
    row: Columns | None = rows[0]._asdict() if rows else None
    return row


async def change(
    owner: str,
    connection: AsyncConnection,
    id_: uuid.UUID,
    columns: Mapping[str, Any],
    *,
    versions: Versions,
    now: datetime,
    quota: Quota,
    within: Within = None,
) -> RowMapping:
    """Set `columns`. If all values stay the same, the version stays the same.

    Raises:
        TodoNotFound, VersionDiffers, UnknownList, QuotaExceeded: nothing is changed.
    """
    sequence = await owners.advance(owner, connection)
    row = await _get_to_change(owner, connection, id_, within)
    written = transitions.changed(row, columns, versions=versions, now=now)
    if not written:
        return row
    if "list_id" in written and written["list_id"] != row["list_id"]:
        await require_list(owner, connection, written["list_id"], within)
        await note_departure(owner, connection, row, sequence=sequence, now=now)
    if more := transitions.more_octets(row, written):
        await owners.keep(owner, connection, more, quota=quota, now=now)
    return await _write(owner, connection, id_, written, sequence)


async def remove(
    owner: str,
    connection: AsyncConnection,
    id_: uuid.UUID,
    *,
    versions: Versions,
    now: datetime,
    within: Within = None,
) -> RowMapping:
    """Mark the todo as deleted. The row stays for 30 days: it can be restored, and clients learn of the deletion.

    Raises:
        TodoNotFound, VersionDiffers: nothing is changed.
    """
    sequence = await owners.advance(owner, connection)
    row = await _get_to_change(owner, connection, id_, within)
    written = transitions.removed(row, versions=versions, now=now)
    await owners.count(owner, connection, -1)
    return await _write(owner, connection, id_, written, sequence)


async def require_list(owner: str, connection: AsyncConnection, id_: uuid.UUID | None, within: Within = None) -> None:
    """Raises UnknownList unless the owner, whose lock is held, has the list. The inbox (None) is always there.

    For a member of the owner's lists it must be one of these; the owner's inbox is none of them.
    """
    if within is not None and id_ not in within:
        raise UnknownList
    if id_ is not None and id_ not in await find_lists(owner, connection):
        raise UnknownList


async def note_departure(
    owner: str, connection: AsyncConnection, row: Mapping[str, Any] | RowMapping, *, sequence: int | None, now: datetime
) -> None:
    """If the todo's list is shared, note that the todo leaves it: its members do not see the todo any more."""
    if row["list_id"] is not None:
        values = {"owner_": owner, "list_id": row["list_id"], "todo_id": row["id"], "sequence": sequence, "now": now}
        await connection.execute(_LEAVE, values)


async def find_lists(owner: str, connection: AsyncConnection) -> set[uuid.UUID]:
    """The ids of the owner's lists, without deleted ones. They are few."""
    return set((await connection.execute(_LISTS, {"owner_": owner})).scalars())


async def remove_some(
    owner: str, connection: AsyncConnection, *, now: datetime, list_id: uuid.UUID | None = None
) -> int:
    """Mark up to REMOVED_AT_ONCE todos as deleted, and return how many. Each gets its own number, for /changes.

    With `list_id` only todos of this list.
    """
    sequence = await owners.advance(owner, connection)
    if sequence is None:
        return 0
    parameters: dict[str, Any] = {"owner_": owner, "now": now, "before": sequence - 1, "at_most": REMOVED_AT_ONCE}
    if list_id is not None:
        parameters["list_id_"] = list_id
    statement = _REMOVE_SOME if list_id is None else _REMOVE_SOME_OF_LIST
    removed: int = (await connection.execute(statement, parameters)).rowcount
    await owners.advance(owner, connection, by=removed)
    await owners.count(owner, connection, -removed)
    return removed


async def restore_some(
    owner: str, connection: AsyncConnection, *, deleted_at: datetime, list_id: uuid.UUID, now: datetime, quota: Quota
) -> int:
    """Undo `remove_some` for up to REMOVED_AT_ONCE of the list's todos that were deleted then. Returns how many.

    Raises:
        QuotaExceeded: the transaction must be rolled back.
    """
    sequence = await owners.advance(owner, connection)
    if sequence is None:
        return 0
    parameters = {"owner_": owner, "now": now, "before": sequence - 1, "at_most": REMOVED_AT_ONCE}
    parameters |= {"list_id_": list_id, "deleted_at_": deleted_at}
    restored: int = (await connection.execute(_RESTORE_SOME, parameters)).rowcount
    await owners.advance(owner, connection, by=restored)
    await owners.count(owner, connection, restored, quota=quota.todos)
    return restored


async def count_removed(owner: str, connection: AsyncConnection, *, deleted_at: datetime, list_id: uuid.UUID) -> int:
    """How many todos of the list were deleted then."""
    parameters = {"owner_": owner, "list_id_": list_id, "deleted_at_": deleted_at}
    return int((await connection.execute(_COUNT_REMOVED, parameters)).scalar_one())


async def restore(
    owner: str,
    connection: AsyncConnection,
    id_: uuid.UUID,
    *,
    versions: Versions,
    now: datetime,
    quota: Quota,
    within: Within = None,
) -> RowMapping:
    """Undo `remove`. A todo that is not deleted does not change.

    Raises:
        TodoNotFound, VersionDiffers, QuotaExceeded: nothing is changed.
    """
    sequence = await owners.advance(owner, connection)
    row = await _get_to_change(owner, connection, id_, within)
    lists_ = await find_lists(owner, connection) if row["list_id"] is not None else {None}
    written = transitions.restored(row, versions=versions, now=now, lists=lists_)
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


async def find_changes(
    owner: str, connection: AsyncConnection, *, since: int, until: int, limit: int
) -> Sequence[RowMapping]:
    """Up to `limit` todos whose last change has a number from `since` (exclusive) to `until`, in this order.

    Deleted ones are among them.
    """
    parameters = {"owner_": owner, "since": since, "until": until, "limit": limit}
    return (await connection.execute(_CHANGES, parameters)).mappings().all()


async def find_changes_in_list(
    owner: str, connection: AsyncConnection, list_id: uuid.UUID, *, since: int, until: int, limit: int
) -> Sequence[RowMapping]:
    """As `find_changes`, of the todos in one list."""
    parameters = {"owner_": owner, "list_id_": list_id, "since": since, "until": until, "limit": limit}
    return (await connection.execute(_CHANGES_IN_LIST, parameters)).mappings().all()


async def find_departures(
    owner: str, connection: AsyncConnection, list_id: uuid.UUID, *, since: int, until: int
) -> Sequence[RowMapping]:
    """The todos that left the list in these changes, for a place where the reader does not see them: id, deleted_at."""
    parameters = {"owner_": owner, "list_id_": list_id, "since": since, "until": until}
    return (await connection.execute(_DEPARTURES, parameters)).mappings().all()


async def find_all(
    owner: str, connection: AsyncConnection, *, after: uuid.UUID, deleted_after: datetime, limit: int
) -> Sequence[RowMapping]:
    """Up to `limit` todos with ids above `after`; with the ones that were deleted after `deleted_after`."""
    parameters = {"owner_": owner, "after": after, "deleted_after": deleted_after, "limit": limit}
    return (await connection.execute(_ALL, parameters)).mappings().all()


_CHANGES = (
    select(*SHOWN, todos.c.sequence)
    .where(
        todos.c.owner == bindparam("owner_"),
        todos.c.sequence > bindparam("since"),
        todos.c.sequence <= bindparam("until"),
    )
    .order_by(todos.c.sequence)
    .limit(bindparam("limit"))
)
_CHANGES_IN_LIST = _CHANGES.where(todos.c.list_id == bindparam("list_id_"))
_DEPARTURES = select(departures.c.todo_id.label("id"), departures.c.left_at.label("deleted_at")).where(
    departures.c.owner == bindparam("owner_"),
    departures.c.list_id == bindparam("list_id_"),
    departures.c.sequence > bindparam("since"),
    departures.c.sequence <= bindparam("until"),
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


_LISTS = select(lists.c.id).where(lists.c.owner == bindparam("owner_"), lists.c.deleted_at.is_(None))


def _mark_some(*which: ColumnElement[bool], deleted_at: ColumnElement[Any]) -> Update:
    """Set `deleted_at` of up to REMOVED_AT_ONCE of these todos, the oldest first, each with its own number."""
    chosen = (
        select(todos.c.id)
        .where(todos.c.owner == bindparam("owner_"), *which)
        .order_by(todos.c.id)
        .limit(bindparam("at_most"))
        .subquery()
    )
    numbered = select(chosen.c.id, func.row_number().over(order_by=chosen.c.id).label("place")).subquery()
    return (
        update(todos)
        .where(todos.c.owner == bindparam("owner_"), todos.c.id == numbered.c.id)
        .values(
            deleted_at=deleted_at,
            updated_at=bindparam("now", type_=todos.c.deleted_at.type),
            version=todos.c.version + 1,
            folded_version=todos.c.folded_version + 1,
            sequence=bindparam("before", type_=todos.c.sequence.type) + numbered.c.place,
        )
    )


_NOW = bindparam("now", type_=todos.c.deleted_at.type)
_IN_LIST = todos.c.list_id == bindparam("list_id_")
_GONE_WITH_IT = (_IN_LIST, todos.c.deleted_at == bindparam("deleted_at_"))
_REMOVE_SOME = _mark_some(todos.c.deleted_at.is_(None), deleted_at=_NOW)
_REMOVE_SOME_OF_LIST = _mark_some(todos.c.deleted_at.is_(None), _IN_LIST, deleted_at=_NOW)
_RESTORE_SOME = _mark_some(*_GONE_WITH_IT, deleted_at=null())
_COUNT_REMOVED = select(func.count()).where(todos.c.owner == bindparam("owner_"), *_GONE_WITH_IT)


async def _get_to_change(owner: str, connection: AsyncConnection, id_: uuid.UUID, within: Within = None) -> RowMapping:
    """The todo, also a deleted one. Raises TodoNotFound."""
    row = (await connection.execute(_FIND_TO_CHANGE, {"owner_": owner, "id_": id_})).mappings().one_or_none()
    if row is None or (within is not None and row["list_id"] not in within):
        raise TodoNotFound
    return row


async def _write(
    owner: str, connection: AsyncConnection, id_: uuid.UUID, columns: Mapping[str, Any], sequence: int | None
) -> RowMapping:
    statement = update(todos).where(*_IS).values(**columns, sequence=sequence).returning(*SHOWN)
    return (await connection.execute(statement, {"owner_": owner, "id_": id_})).mappings().one()
