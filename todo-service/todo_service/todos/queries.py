"""Rows of todos. Every function takes the owner first, and every statement compares it: another's todo is not there."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, case, delete, false, insert, literal, null, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from todo_service.todos.table import todos

_SHOWN = tuple(column for column in todos.c if column is not todos.c.owner)

Versions = Collection[int] | None  # those that the client accepts; None for any


async def create(
    owner: str, connection: AsyncConnection, *, id_: uuid.UUID, fields: Mapping[str, Any], now: datetime
) -> Row[Any]:
    values = {
        **fields,
        "owner": owner,
        "id": id_,
        "completed_at": now if fields["status"] == "done" else None,
        "version": 1,
        "created_at": now,
        "updated_at": now,
    }
    return (await connection.execute(insert(todos).values(values).returning(*_SHOWN))).one()


async def find(owner: str, connection: AsyncConnection, id_: uuid.UUID, *, lock: bool = False) -> Row[Any] | None:
    """The todo. With `lock`, nobody changes it before the transaction ends (SQLite has one writer anyway)."""
    statement = select(*_SHOWN).where(*_is(owner, id_))
    return (await connection.execute(statement.with_for_update() if lock else statement)).one_or_none()


async def find_page(
    owner: str, connection: AsyncConnection, *, after: uuid.UUID | None, limit: int
) -> Sequence[Row[Any]]:
    """Up to `limit` todos, newest first, beginning after `after`.

    Newest first, so that a walk through the pages ends although new todos keep coming.
    """
    statement = select(*_SHOWN).where(todos.c.owner == owner).order_by(todos.c.id.desc()).limit(limit)
    if after is not None:
        statement = statement.where(todos.c.id < after)
    return (await connection.execute(statement)).all()


async def change(
    owner: str,
    connection: AsyncConnection,
    id_: uuid.UUID,
    columns: Mapping[str, Any],
    *,
    versions: Versions,
    now: datetime,
) -> Row[Any] | None:
    """Set `columns` and return the new row. None when no row has the id, one of `versions` and anything to change.

    One conditional UPDATE, which reads nothing first: of two clients that change different members both succeed, of
    two that name the same version one does. What changes nothing makes no new version.
    """
    differs = or_(false(), *(todos.c[name].is_distinct_from(value) for name, value in columns.items()))
    statement = (
        update(todos)
        .where(*_is(owner, id_), *_has(versions), differs)
        .values(**columns, **_completed_at(columns, now), version=todos.c.version + 1, updated_at=now)
        .returning(*_SHOWN)
    )
    return (await connection.execute(statement)).one_or_none()


async def remove(owner: str, connection: AsyncConnection, id_: uuid.UUID, *, versions: Versions) -> bool:
    """Delete the todo. False when there is none with one of `versions`."""
    removed = await connection.execute(delete(todos).where(*_is(owner, id_), *_has(versions)))
    return removed.rowcount == 1


def _is(owner: str, id_: uuid.UUID) -> tuple[ColumnElement[bool], ...]:
    return todos.c.owner == owner, todos.c.id == id_


def _has(versions: Versions) -> tuple[ColumnElement[bool], ...]:
    return () if versions is None else (todos.c.version.in_(versions),)


def _completed_at(columns: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """What a new status does to the time of completion: done twice is done when it was done first."""
    match columns.get("status"):
        case "done":
            now_ = literal(now, todos.c.completed_at.type)
            return {"completed_at": case((todos.c.status == "done", todos.c.completed_at), else_=now_)}
        case "open":
            return {"completed_at": null()}
    return {}
