"""Read and change rows of lists. Every function takes the owner first, and every statement compares it.

A change takes the owner's next number first, as a change of a todo does (queries.py). So a list cannot be deleted while
a todo is put into it.
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from . import owners, queries, rooms, transitions
from .owners import QuotaExceeded
from .rooms import Quota
from .table import invitations, lists, members
from .transitions import RESTORE_TTL, Columns, Versions

MOST_LISTS = 200  # of one owner
MOST_ROWS = 2 * MOST_LISTS  # with deleted ones
SHOWN = tuple(column for column in lists.c if column.name not in ("owner", "sequence", "octets"))
_OF_OWNER = lists.c.owner == bindparam("owner_")
_IS = (_OF_OWNER, lists.c.id == bindparam("id_"))
_LIVE = lists.c.deleted_at.is_(None)
_FIND = select(*SHOWN).where(*_IS, _LIVE)
_FIND_TO_CHANGE = select(*SHOWN, lists.c.octets).where(*_IS)
_FIND_ALL = select(*SHOWN).where(_OF_OWNER, _LIVE).order_by(lists.c.position, lists.c.id)
_FIND_KEPT = (
    select(*SHOWN)
    .where(_OF_OWNER, _LIVE | (lists.c.deleted_at > bindparam("deleted_after")))
    .order_by(lists.c.position, lists.c.id)
)
_FIND_DELETED = (
    select(*SHOWN)
    .where(_OF_OWNER, lists.c.deleted_at > bindparam("deleted_after"))
    .order_by(lists.c.deleted_at.desc(), lists.c.id)
)
_FIND_SHARED = select(*SHOWN).where(
    _OF_OWNER, _LIVE, lists.c.id.in_(bindparam("ids", expanding=True)), lists.c.sequence > bindparam("since")
)
_COUNT = select(func.count().label("rows"), func.count().filter(_LIVE).label("live")).where(_OF_OWNER)
_OF_LIST = (members.c.owner == bindparam("owner_"), members.c.list_id == bindparam("id_"))
_CLOSE = update(members).where(*_OF_LIST).values(deleted_at=bindparam("at", type_=members.c.deleted_at.type))
_WITHDRAW = delete(invitations).where(
    invitations.c.owner == bindparam("owner_"), invitations.c.list_id == bindparam("id_")
)
_COUNT_MEMBERS = select(func.count()).where(*_OF_LIST)
_CHANGES = (
    select(*SHOWN)
    .where(_OF_OWNER, lists.c.sequence > bindparam("since"), lists.c.sequence <= bindparam("until"))
    .order_by(lists.c.sequence)
)


class ListNotFound(Exception):
    """The owner has no such list."""


async def create(
    owner: str, connection: AsyncConnection, *, id_: uuid.UUID, fields: Mapping[str, Any], now: datetime, quota: Quota
) -> Mapping[str, Any]:
    """Add a list. Without a position it comes after all existing ones.

    Raises:
        QuotaExceeded: nothing is changed.
    """
    standing = await owners.enter(owner, connection, by=1)
    counted = (await connection.execute(_COUNT, {"owner_": owner})).one()
    _check_number(counted.live, counted.rows)
    values = {
        **fields,
        "id": id_,
        "position": fields["position"] or f"{id_.hex[:16]}V",
        "version": 1,
        "created_at": now,
        "updated_at": now,
        "deleted_at": None,
        "members": 0,
    }
    octets = rooms.of_list(values["name"])
    await owners.keep(owner, connection, octets, quota=quota, now=now)
    stored = {**values, "owner": owner, "sequence": standing.sequence, "octets": octets}
    await connection.execute(insert(lists), stored)
    return values


async def find(owner: str, connection: AsyncConnection, id_: uuid.UUID) -> RowMapping | None:
    return (await connection.execute(_FIND, {"owner_": owner, "id_": id_})).mappings().one_or_none()


async def find_all(owner: str, connection: AsyncConnection) -> Sequence[RowMapping]:
    """All lists in the owner's order; there are MOST_LISTS at most."""
    return (await connection.execute(_FIND_ALL, {"owner_": owner})).mappings().all()


async def find_kept(owner: str, connection: AsyncConnection, *, now: datetime) -> Sequence[RowMapping]:
    """All lists, with the deleted ones that can be restored."""
    parameters = {"owner_": owner, "deleted_after": now - RESTORE_TTL}
    return (await connection.execute(_FIND_KEPT, parameters)).mappings().all()


async def find_deleted(owner: str, connection: AsyncConnection, *, now: datetime) -> Sequence[RowMapping]:
    """The deleted lists that can be restored, the last deleted one first."""
    parameters = {"owner_": owner, "deleted_after": now - RESTORE_TTL}
    return (await connection.execute(_FIND_DELETED, parameters)).mappings().all()


async def find_changes(owner: str, connection: AsyncConnection, *, since: int, until: int) -> Sequence[RowMapping]:
    """All lists whose last change has a number above `since` and not above `until`; with deleted ones."""
    parameters = {"owner_": owner, "since": since, "until": until}
    return (await connection.execute(_CHANGES, parameters)).mappings().all()


async def find_shared(
    owner: str, connection: AsyncConnection, ids: Collection[uuid.UUID], *, since: int = 0
) -> Sequence[RowMapping]:
    """Those of the owner's lists with these ids that were changed after the number `since`, without deleted ones."""
    parameters = {"owner_": owner, "ids": list(ids), "since": since}
    return (await connection.execute(_FIND_SHARED, parameters)).mappings().all()


async def change(
    owner: str,
    connection: AsyncConnection,
    id_: uuid.UUID,
    columns: Mapping[str, Any],
    *,
    versions: Versions,
    now: datetime,
    quota: Quota,
) -> Columns:
    """Set `columns`. If all values stay the same, the version stays the same.

    Raises:
        ListNotFound, VersionDiffers, QuotaExceeded: nothing is changed.
    """
    sequence = await owners.advance(owner, connection)
    row = transitions.check(await _find_to_change(owner, connection, id_), versions, ListNotFound)
    if all(row[name] == value for name, value in columns.items()):
        return row
    octets = rooms.of_list(columns.get("name", row["name"]))
    if more := octets - row["octets"]:
        await owners.keep(owner, connection, more, quota=quota, now=now)
    return await _write(owner, connection, row, {**columns, "octets": octets}, sequence, now)


async def remove_some(
    owner: str, connection: AsyncConnection, id_: uuid.UUID, *, versions: Versions, now: datetime
) -> bool:
    """Mark up to REMOVED_AT_ONCE of the list's todos as deleted; with the last ones the list. True if it is done.

    The todos get the list's `deleted_at`: by it `restore_some` finds them. A todo that is put into the list meanwhile
    is among those of the next call.

    Raises:
        ListNotFound, VersionDiffers: nothing is changed.
    """
    await owners.advance(owner, connection)
    row = transitions.check(await _find_to_change(owner, connection, id_), versions, ListNotFound)
    if await queries.remove_some(owner, connection, now=now, list_id=id_) == queries.REMOVED_AT_ONCE:
        return False
    sequence = await owners.advance(owner, connection)
    await _write(owner, connection, row, {"deleted_at": now}, sequence, now)
    if row["members"]:
        await connection.execute(_CLOSE, {"owner_": owner, "id_": id_, "at": now})
    await connection.execute(_WITHDRAW, {"owner_": owner, "id_": id_})
    return True


async def restore(
    owner: str, connection: AsyncConnection, id_: uuid.UUID, *, versions: Versions, now: datetime, quota: Quota
) -> tuple[Columns, datetime | None]:
    """Undo `remove_some` for the list itself. Also returns the time at which its todos were deleted with it, if it was.

    Raises:
        ListNotFound, VersionDiffers: nothing is changed.
        QuotaExceeded: there is no room for the list or for all of its todos. Nothing is changed.
    """
    sequence = await owners.advance(owner, connection)
    found = await _find_to_change(owner, connection, id_)
    row, is_deleted = transitions.check_restorable(found, versions, now=now, absent=ListNotFound)
    if not is_deleted:
        return row, None
    counted = (await connection.execute(_COUNT, {"owner_": owner})).one()
    _check_number(counted.live, 0)
    expected = await queries.count_removed(owner, connection, deleted_at=row["deleted_at"], list_id=id_)
    if expected:
        await owners.count(owner, connection, expected, quota=quota.todos)  # whether there is room for all of them
        await owners.count(owner, connection, -expected)
    restored: dict[str, Any] = {"deleted_at": None}
    if row["members"]:
        await connection.execute(_CLOSE, {"owner_": owner, "id_": id_, "at": None})
        restored["members"] = (await connection.execute(_COUNT_MEMBERS, {"owner_": owner, "id_": id_})).scalar_one()
    return await _write(owner, connection, row, restored, sequence, now), row["deleted_at"]


def _check_number(live: int, rows: int) -> None:
    if live >= MOST_LISTS:
        raise QuotaExceeded("lists", MOST_LISTS)
    if rows >= MOST_ROWS:
        raise QuotaExceeded("list_rows", MOST_ROWS)


async def _find_to_change(owner: str, connection: AsyncConnection, id_: uuid.UUID) -> RowMapping | None:
    """The list, also a deleted one."""
    return (await connection.execute(_FIND_TO_CHANGE, {"owner_": owner, "id_": id_})).mappings().one_or_none()


async def _write(
    owner: str,
    connection: AsyncConnection,
    row: Columns,
    columns: Mapping[str, Any],
    sequence: int | None,
    now: datetime,
) -> RowMapping:
    values = {**columns, "version": row["version"] + 1, "updated_at": now, "sequence": sequence}
    statement = update(lists).where(*_IS).values(values).returning(*SHOWN)
    return (await connection.execute(statement, {"owner_": owner, "id_": row["id"]})).mappings().one()
