"""/api/v1/changes: what a client that has a copy needs in order to bring it up to date.

A token names the last change that the client has seen. Changes are numbered per owner in the order of their commits
(`owners`), so none can appear behind a token later. A todo is shown once, as it is now, however often it was changed.

Deletions stay visible for 30 days; a client that comes back later could miss one, and is told to begin anew. While it
walks through several parts, the age of its token is that of the first: what it was shown there may have been deleted
since.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, NamedTuple
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncConnection

from ..http import problems
from ..http.authentication import Reader
from ..http.parts import Given, given
from ..http.problems import Problem
from . import cursors, owners, queries
from .endpoints import DatabaseDep, Now
from .fields import EXAMPLE, Todo
from .queries import RESTORE_TTL

TOKEN_TTL = RESTORE_TTL - timedelta(days=1)  # a day for clocks that differ and transactions that last
DEFAULT_LIMIT = 100
MAX_LIMIT = 500
_OF = "changes"


class SyncToken(NamedTuple):
    sequence: int
    issued_at: datetime


class Tombstone(BaseModel):
    """A todo that is no more."""

    id: UUID
    deleted_at: AwareDatetime


class Changes(BaseModel):
    """What changed since the token: no id occurs twice, so the order does not matter."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "upserts": [EXAMPLE],
                    "tombstones": [
                        {"id": "019c3a5b-7d1e-7a2b-8c3d-4e5f60718294", "deleted_at": "2027-01-30T08:00:00Z"}
                    ],
                    "next": "u1oZ0c3wB8W0c2F4cGxlLjE4MDAwMDAwMDA",
                    "has_more": False,
                }
            ]
        }
    )

    upserts: list[Todo]
    tombstones: list[Tombstone]
    next: str = Field(description="token to ask with the next time")
    has_more: bool = Field(description="whether to ask again at once")


@dataclass(frozen=True)
class ChangesParts(Given):
    cursor_key: bytes


async def changes(
    token: Reader,
    request: Request,
    database: DatabaseDep,
    now: Now,
    since: Annotated[str | None, Query(max_length=cursors.MAX_LENGTH, description="`next` of the time before")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="how many at most")] = DEFAULT_LIMIT,
) -> Response:
    """What changed since a token; without one, everything. Deleted todos come as tombstones."""
    key = given(request, ChangesParts).cursor_key
    seen = SyncToken(0, now) if since is None else _verify(key, token.sub, since, now)
    async with database.reading(token.sub) as connection:
        rows = await queries.find_changes(token.sub, connection, since=seen.sequence, limit=limit + 1)
        if not rows:
            await _require_past(token.sub, connection, seen)
    has_more, rows = len(rows) > limit, rows[:limit]
    reached = SyncToken(rows[-1]["sequence"] if rows else seen.sequence, seen.issued_at if has_more else now)
    answer = Changes.model_construct(
        None,
        upserts=[Todo.of(row) for row in rows if row["deleted_at"] is None],
        tombstones=[
            Tombstone.model_construct(None, id=row["id"], deleted_at=row["deleted_at"])
            for row in rows
            if row["deleted_at"] is not None
        ],
        next=cursors.render(key, token.sub, _OF, f"{reached.sequence} {reached.issued_at.isoformat()}"),
        has_more=has_more,
    )
    return Response(Changes.__pydantic_serializer__.to_json(answer), media_type="application/json")


def _verify(key: bytes, owner: str, since: str, now: datetime) -> SyncToken:
    try:
        sequence, _, issued_at = cursors.verify(key, owner, _OF, since).partition(" ")
    except cursors.InvalidCursor:
        raise Problem(problems.INVALID_SYNC_TOKEN, "Begin anew, without `since`.") from None
    seen = SyncToken(int(sequence), datetime.fromisoformat(issued_at))
    if seen.issued_at < now - TOKEN_TTL:
        raise _expired()
    return seen


async def _require_past(owner: str, connection: AsyncConnection, seen: SyncToken) -> None:
    """A token from the future was made before a backup was restored: what it has seen did not happen."""
    if seen.sequence > await owners.find_head(owner, connection):
        raise _expired()


def _expired() -> Problem:
    detail = "Deletions may be missing from what would follow. Begin anew, without `since`."
    return Problem(problems.SYNC_TOKEN_EXPIRED, detail)
