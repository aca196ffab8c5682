"""/api/v1/changes: the changes since a client's last visit, so that it can update its copy of the todos and lists.

A sync token names the last change that the client has seen. Changes are numbered per owner in the order of their
commits (owners.py), so no change with a lower number can appear later. A todo that was changed several times is listed
once, as it is now. The number of the last change is read first, and only changes up to it are listed: todos and lists
are two statements, and what is changed between them is listed the next time.

Deletions stay listed for 30 days. A client whose token is older than 29 days could miss one, so it must begin again
without a token. While a client reads several pages, its token keeps the age of the first page: todos of that page may
have been deleted since.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from types import MappingProxyType
from typing import Annotated, Any, NamedTuple
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import RowMapping

from ..http import problems
from ..http.authentication import Reader
from ..http.parts import Given, given
from ..http.problems import Problem
from ..store.database import ANYBODY, Database
from . import cursors, heads, list_queries, memberships, owners, queries
from .endpoints import DatabaseDep, Now
from .fields import EXAMPLE, Todo
from .list_fields import EXAMPLE as LIST
from .list_fields import TodoList, shared
from .memberships import Membership
from .pages import MOST_OCTETS
from .transitions import RESTORE_TTL, Columns

TOKEN_TTL = RESTORE_TTL - timedelta(days=1)  # a day less, for clocks that differ and for long transactions
DEFAULT_LIMIT = 100
MAX_LIMIT = 500
MAX_TOKEN_LENGTH = 3000  # it has a number for each list that others share with the subject
_NOWHERE: Mapping[str, Any] = MappingProxyType({"list_id": None})
_PIECE = 20  # todos that are read at once
_OF = "changes"


class SyncToken(NamedTuple):
    sequence: int
    issued_at: datetime
    others: Mapping[UUID, int] = MappingProxyType({})  # by shared list: the number of its owner's last change


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
    list_tombstones: list[Tombstone] = Field(
        description="deleted lists, and lists that are not shared with the caller any more: forget all todos of both"
    )
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
    since: Annotated[str | None, Query(max_length=MAX_TOKEN_LENGTH, description="`next` of the last response")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="most changed todos in the response")] = DEFAULT_LIMIT,
) -> Response:
    """List the changes since a token; without a token, all todos and lists. Deleted ones are listed as tombstones."""
    key = given(request, ChangesParts).cursor_key
    seen = SyncToken(0, now) if since is None else _verify(key, token.sub, since, now)
    async with database.reading(token.sub) as connection:
        head = await owners.find_head(token.sub, connection)
        if seen.sequence > head:
            raise _expired()  # a number that does not exist yet: the token is from before a backup was restored
        find = partial(queries.find_changes, token.sub, connection)
        rows, has_more = await _read(find, since=seen.sequence, until=head, limit=limit)
        until = rows[-1]["sequence"] if has_more else head
        lists = await list_queries.find_changes(token.sub, connection, since=seen.sequence, until=until)
    others = SharedChanges(token.sub, database, seen.others, now)
    await others.read(room=0 if has_more else limit - len(rows))
    rows, has_more = [*rows, *others.todos], has_more or others.has_more
    reached = SyncToken(until, seen.issued_at if has_more else now, others.reached)
    answer = Changes.model_construct(
        None,
        upserts=[Todo.of(row) for row in rows if row["deleted_at"] is None],
        tombstones=_tombstones([*rows, *others.departures]),
        lists=[*_live(lists), *_live(others.lists)],
        list_tombstones=[*_tombstones(lists), *_tombstones(others.ended)],
        next=cursors.render(key, token.sub, _OF, _written(reached)),
        last_event_id=heads.position(token.sub, {**others.heads, token.sub: until}),
        has_more=has_more,
    )
    return Response(Changes.__pydantic_serializer__.to_json(answer), media_type="application/json")


def _live(rows: Sequence[Columns]) -> list[TodoList]:
    return [TodoList.of(row) for row in rows if row["deleted_at"] is None]


def _tombstones(rows: Sequence[Columns]) -> list[Tombstone]:
    return [
        Tombstone.model_construct(None, id=row["id"], deleted_at=row["deleted_at"])
        for row in rows
        if row["deleted_at"] is not None
    ]


class SharedChanges:
    """What has changed in the lists that others share with the subject, one list after the other."""

    def __init__(self, subject: str, database: Database, seen: Mapping[UUID, int], now: datetime) -> None:
        self._subject, self._database, self._now = subject, database.for_member(subject), now
        self._known: set[UUID] = set()
        self.reached = dict(seen)  # by list: the number of the last change of its owner that the client has
        self.heads: dict[str, int] = {}
        self.todos: list[RowMapping] = []
        self.departures: list[RowMapping] = []
        self.lists: list[Mapping[str, Any]] = []
        self.ended: list[Mapping[str, Any]] = []
        self.has_more = False

    async def read(self, *, room: int) -> None:
        """Read about `room` todos at most. What does not fit is left to the next request."""
        async with self._database.reading(ANYBODY) as connection:
            places = await memberships.find_of(self._subject, connection)
        self._known = {each.list_id for each in places}
        for list_id in self.reached.keys() - self._known:
            del self.reached[list_id]
            self.ended.append({"id": list_id, "deleted_at": self._now})
        if not places:
            return
        whose = sorted({each.owner for each in places})
        async with self._database.watching(whose) as connection:
            found = await heads.find_heads(connection, whose)
        self.heads = {owner: found.get(owner, 0) for owner in whose}
        for place in places:
            since, head = self.reached.get(place.list_id, 0), self.heads[place.owner]
            if since > head:
                raise _expired()  # as for own changes
            if since < head and room <= 0:
                self.has_more = True
            elif since < head:
                room -= await self._read_list(place, since=since, head=head, room=room)

    async def _read_list(self, place: Membership, *, since: int, head: int, room: int) -> int:
        async with self._database.reading(place.owner) as connection:
            find = partial(queries.find_changes_in_list, place.owner, connection, place.list_id)
            rows, has_more = await _read(find, since=since, until=head, limit=room)
            until = rows[-1]["sequence"] if has_more else head
            left = await queries.find_departures(place.owner, connection, place.list_id, since=since, until=until)
            where = await queries.find_many(place.owner, connection, [row["id"] for row in left]) if left else {}
            lists = await list_queries.find_shared(place.owner, connection, [place.list_id], since=since)
        self.todos += rows
        # A todo that has gone to another list of the subject's is told there.
        self.departures += [row for row in left if where.get(row["id"], _NOWHERE)["list_id"] not in self._known]
        self.lists += [shared(row, place) for row in lists]
        self.has_more |= has_more
        self.reached[place.list_id] = until
        return len(rows)


async def _read(
    find: Callable[..., Awaitable[Sequence[RowMapping]]], *, since: int, until: int, limit: int
) -> tuple[list[RowMapping], bool]:
    """Up to `limit` changed todos, fewer if they are large, and whether there are more."""
    rows: list[RowMapping] = []
    octets = 0
    while True:
        wanted = min(_PIECE, limit - len(rows) + 1)
        found = await find(since=since, until=until, limit=wanted)
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
        sequence, issued_at, *others = cursors.verify(key, owner, _OF, since).split(" ")
    except cursors.InvalidCursor:
        raise Problem(problems.INVALID_SYNC_TOKEN, "Begin again, without `since`.") from None
    lists = {UUID(hex=each[:32]): int(each[33:]) for each in others}
    seen = SyncToken(int(sequence), datetime.fromisoformat(issued_at), lists)
    if seen.issued_at < now - TOKEN_TTL:
        raise _expired()
    return seen


def _written(token: SyncToken) -> str:
    others = (f" {list_id.hex}:{number}" for list_id, number in token.others.items())
    return f"{token.sequence} {token.issued_at.isoformat()}{''.join(others)}"


def _expired() -> Problem:
    detail = "Deletions since this token may be missing. Begin again, without `since`."
    return Problem(problems.SYNC_TOKEN_EXPIRED, detail)
