"""/api/v1/export: all todos of an owner as one JSON document, streamed while it is read from the database."""

import uuid
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from fastapi import Request
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import RowMapping

from ..http.authentication import Reader
from ..store.database import Database
from . import queries
from .endpoints import DatabaseDep, Now
from .fields import EXAMPLE, Todo

_PART = 200


class Export(BaseModel):
    """All todos of an owner, the oldest first; with the deleted todos that can still be restored."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"exported_at": "2027-01-31T08:00:00Z", "todos": [EXAMPLE]}]}
    )

    exported_at: AwareDatetime
    todos: list[Todo]


async def export(token: Reader, request: Request, database: DatabaseDep, now: Now) -> StreamingResponse:
    """Export all todos in one document."""
    first = await _read_part(
        token.sub, database, uuid.UUID(int=0), now
    )  # before the status is sent, so that an error still gets its own
    headers = {"Content-Disposition": 'attachment; filename="todos.json"'}
    return StreamingResponse(_write(token.sub, database, first, now), headers=headers, media_type="application/json")


async def _write(owner: str, database: Database, part: Sequence[RowMapping], now: datetime) -> AsyncIterator[bytes]:
    yield b'{"exported_at":"%s","todos":[' % now.isoformat().encode()
    separator = b""
    while part:
        yield separator + b",".join(Todo.__pydantic_serializer__.to_json(Todo.of(row)) for row in part)
        separator = b","
        part = await _read_part(owner, database, part[-1]["id"], now) if len(part) == _PART else ()
    yield b"]}"


async def _read_part(owner: str, database: Database, after: uuid.UUID, now: datetime) -> Sequence[RowMapping]:
    """Read the todos after an id. Each part has its own transaction, so none stays open while a slow client reads."""
    async with database.reading(owner) as connection:
        return await queries.find_all(
            owner, connection, after=after, deleted_after=now - queries.RESTORE_TTL, limit=_PART
        )
