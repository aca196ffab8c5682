"""/api/v1/export: all todos and lists of an owner as one JSON document, streamed while it is read from the database."""

import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from fastapi.responses import StreamingResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import RowMapping

from ..http import costs
from ..http.authentication import Reader
from ..http.parts import Given, given
from ..http.problems import Problem
from ..limits.turns import Places, Turns
from ..store.database import Database
from . import list_queries, queries
from .endpoints import DatabaseDep, Now
from .fields import EXAMPLE, Todo
from .list_fields import EXAMPLE as LIST
from .list_fields import TodoList

_PART = 25  # todos that are read and written at once
_PARTS_PER_COST = 4
_FIRST = uuid.UUID(int=0)


class Export(BaseModel):
    """All todos of an owner, the oldest first, and all lists; with the deleted ones that can still be restored."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"exported_at": "2027-01-31T08:00:00Z", "todos": [EXAMPLE], "lists": [LIST]}]}
    )

    exported_at: AwareDatetime
    todos: list[Todo]
    lists: list[TodoList]


@dataclass(frozen=True)
class ExportParts(Given):
    export_turns: Turns
    export_places: Places


async def export(token: Reader, request: Request, database: DatabaseDep, now: Now) -> StreamingResponse:
    """Export all todos and lists in one document. Each hundred todos count as a request.

    Exports of one owner follow each other. A place of everybody's is held for one part at a time, while it is read: a
    slow client keeps its own turn only.
    """
    stream = _write(request, token.sub, database, now)
    first = await anext(stream)  # before the status is sent, so that an error still gets its own
    headers = {"Content-Disposition": 'attachment; filename="todos.json"'}
    return StreamingResponse(_go_on(first, stream), headers=headers, media_type="application/json")


async def _go_on(first: bytes, stream: AsyncGenerator[bytes]) -> AsyncIterator[bytes]:
    async with aclosing(stream):
        yield first
        async for part in stream:
            yield part


async def _write(request: Request, owner: str, database: Database, now: datetime) -> AsyncGenerator[bytes]:
    parts = given(request, ExportParts)
    async with costs.turn(parts.export_turns, owner, "exports"):
        breath, number = costs.Breath(), 0
        after: uuid.UUID | None = _FIRST
        before = b'{"exported_at":"%s","todos":[' % now.isoformat().encode()
        while after is not None:
            async with costs.place(parts.export_places, "exports", begins=number == 0):
                part = await _read_part(owner, database, after, now)
                written = b",".join(Todo.__pydantic_serializer__.to_json(Todo.of(row)) for row in part)
            number += 1
            if part and number % _PARTS_PER_COST == 0:
                await _count(request, owner)
            if part or number == 1:
                yield before + written
            before, after = b",", part[-1]["id"] if len(part) == _PART else None
            await breath.take()
        async with database.scanning(owner) as connection:
            lists = await list_queries.find_kept(owner, connection, now=now)
        yield b'],"lists":[%s]}' % b",".join(
            TodoList.__pydantic_serializer__.to_json(TodoList.of(row)) for row in lists
        )


async def _count(request: Request, owner: str) -> None:
    """Count what was sent. The document goes on when the quota is spent; the next request is refused."""
    with suppress(Problem):
        await costs.spend(request, owner)


async def _read_part(owner: str, database: Database, after: uuid.UUID, now: datetime) -> Sequence[RowMapping]:
    """Read the todos after an id. Each part has its own transaction, so none stays open while a slow client reads."""
    async with database.scanning(owner) as connection:
        return await queries.find_all(
            owner, connection, after=after, deleted_after=now - queries.RESTORE_TTL, limit=_PART
        )
