"""/api/v1/changes: the changes since a client's last visit, so that it can update its copy of the todos and lists.

A sync token names the last change that the client has seen. Changes are numbered per owner in the order of their
commits (owners.py), so no change with a lower number can appear later. A todo that was changed several times is listed
once, as it is now. The number of the last change is read first, and only changes up to it are listed: todos and lists
are two statements, and what is changed between them is listed the next time.

Deletions stay listed for 30 days. A client whose token is older than 29 days could miss one, so it must begin again
without a token. While a client reads several pages, its token keeps the age of the first page: todos of that page may
have been deleted since.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, NamedTuple
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from ..http import problems
from ..http.authentication import Reader
from ..http.parts import Given, given
from ..http.problems import Problem
from . import cursors, list_queries, owners, queries
from .endpoints import DatabaseDep, Now
from .fields import EXAMPLE, Todo
from .list_fields import EXAMPLE as LIST
from .list_fields import TodoList
from .pages import MOST_OCTETS
from .streams import position
from .transitions import RESTORE_TTL

TOKEN_TTL = RESTORE_TTL - timedelta(days=1)  # a day less, for clocks that differ and for long transactions
DEFAULT_LIMIT = 100
MAX_LIMIT = 500
_PIECE = 20  # todos that are read at once
_OF = "changes"


class SyncToken(NamedTuple):
    sequence: int
    issued_at: datetime


class Tombstone(BaseModel):
    """A deleted todo or list."""

    id: UUID
    deleted_at: AwareDatetime


class Changes(BaseModel):
    """The changes since the token. No id occurs twice, so clients may apply them in any order."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "upserts": [EXAMPLE],
                    "tombstones": [
                        {"id": "019c3a5b-7d1e-7a2b-8c3d-4e5f60718294", "deleted_at": "2027-01-30T08:00:00Z"}
                    ],
                    "lists": [LIST],
                    "list_tombstones": [],
                    "next": "u1oZ0c3wB8W0c2F4cGxlLjE4MDAwMDAwMDA",
                    "last_event_id": "17",
                    "has_more": False,
                }
            ]
        }
    )

    upserts: list[Todo]
    tombstones: list[Tombstone]
    lists: list[TodoList] = Field(description="new and changed lists; `limit` does not count them, as they are few")
    list_tombstones: list[Tombstone] = Field(description="deleted lists; their todos are among `tombstones`")
    next: str = Field(description="token for the next request")
    last_event_id: str = Field(description="`Last-Event-ID` for a stream of `/api/v1/events` that goes on from here")
    has_more: bool = Field(description="whether there are more changes, so the next request should follow at once")


@dataclass(frozen=True)
class ChangesParts(Given):
    cursor_key: bytes


async def changes(
    token: Reader,
    request: Request,
    database: DatabaseDep,
    now: Now,
    since: Annotated[
        str | None, Query(max_length=cursors.MAX_LENGTH, description="`next` of the last response")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="most changed todos in the response")] = DEFAULT_LIMIT,
) -> Response:
    """List the changes since a token; without a token, all todos and lists. Deleted ones are listed as tombstones."""
    key = given(request, ChangesParts).cursor_key
    seen = SyncToken(0, now) if since is None else _verify(key, token.sub, since, now)
    async with database.reading(token.sub) as connection:
        head = await owners.find_head(token.sub, connection)
        if seen.sequence > head:
            raise _expired()  # a number that does not exist yet: the token is from before a backup was restored
        rows, has_more = await _read(token.sub, connection, seen.sequence, head, limit)
        until = rows[-1]["sequence"] if has_more else head
        lists = await list_queries.find_changes(token.sub, connection, since=seen.sequence, until=until)
    reached = SyncToken(until, seen.issued_at if has_more else now)
    answer = Changes.model_construct(
        None,
        upserts=[Todo.of(row) for row in rows if row["deleted_at"] is None],
        tombstones=_tombstones(rows),
        lists=[TodoList.of(row) for row in lists if row["deleted_at"] is None],
        list_tombstones=_tombstones(lists),
        next=cursors.render(key, token.sub, _OF, f"{reached.sequence} {reached.issued_at.isoformat()}"),
        last_event_id=position(token.sub, {token.sub: until}),
        has_more=has_more,
    )
    return Response(Changes.__pydantic_serializer__.to_json(answer), media_type="application/json")


def _tombstones(rows: Sequence[RowMapping]) -> list[Tombstone]:
    return [
        Tombstone.model_construct(None, id=row["id"], deleted_at=row["deleted_at"])
        for row in rows
        if row["deleted_at"] is not None
    ]


async def _read(
    owner: str, connection: AsyncConnection, since: int, until: int, limit: int
) -> tuple[list[RowMapping], bool]:
    """Up to `limit` changed todos, fewer if they are large, and whether there are more."""
    rows: list[RowMapping] = []
    octets = 0
    while True:
        wanted = min(_PIECE, limit - len(rows) + 1)
        found = await queries.find_changes(owner, connection, since=since, until=until, limit=wanted)
        for row in found:
            octets += len(row["notes"].encode())
            if len(rows) == limit or (rows and octets > MOST_OCTETS):
                return rows, True
            rows.append(row)
        if len(found) < wanted:
            return rows, False
        since = rows[-1]["sequence"]


def _verify(key: bytes, owner: str, since: str, now: datetime) -> SyncToken:
    try:
        sequence, _, issued_at = cursors.verify(key, owner, _OF, since).partition(" ")
    except cursors.InvalidCursor:
        raise Problem(problems.INVALID_SYNC_TOKEN, "Begin again, without `since`.") from None
    seen = SyncToken(int(sequence), datetime.fromisoformat(issued_at))
    if seen.issued_at < now - TOKEN_TTL:
        raise _expired()
    return seen


def _expired() -> Problem:
    detail = "Deletions since this token may be missing. Begin again, without `since`."
    return Problem(problems.SYNC_TOKEN_EXPIRED, detail)
