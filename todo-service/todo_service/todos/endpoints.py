"""/api/v1/todos and its items, and the same with the owner in the path.

A request is checked in this order: token, scope, owner in the path, id, conditions, body; then the stored row. The body
is read before the transaction begins, so that a slow client holds no connection and no lock.

Dependencies are `async` although they await nothing; FastAPI runs sync ones in a thread pool.
"""

import hashlib
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any
from urllib.parse import quote, urlencode

from fastapi import Depends, Query, Request, Response
from fastapi import Path as PathParameter
from pydantic_core import to_json
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from atjwt import AccessToken

from ..http import costs, preconditions, problems, request_body
from ..http.authentication import Reader, RecentWriter, Writer
from ..http.parts import Given, given
from ..http.problems import Problem
from ..limits.turns import Turns
from ..store.database import Database
from . import at_once, cursors, idempotency, lists, memberships, pages, queries, searches, sharing, transitions
from .fields import NewTodo, Todo, TodoChange
from .idempotency import Answer, OnceParts
from .identifiers import new_id, parse_id
from .lists import After, ListParameters
from .queries import Within
from .refusals import as_problems, not_found
from .rooms import Quota
from .transitions import Columns, UnknownList, Versions


@dataclass(frozen=True)
class StoreParts(Given):
    database: Database


@dataclass(frozen=True)
class TimeParts(Given):
    clock: Callable[[], float]


@dataclass(frozen=True)
class ListParts(Given):
    cursor_key: bytes
    search_turns: Turns


@dataclass(frozen=True)
class RemoveAllParts(Given):
    batch_turns: Turns


@dataclass(frozen=True)
class QuotaParts(Given):
    quota: Quota


async def _get_database(request: Request) -> Database:
    return given(request, StoreParts).database


async def _get_now(request: Request) -> datetime:
    return datetime.fromtimestamp(given(request, TimeParts).clock(), UTC)


async def _get_id(
    todo_id: Annotated[str, PathParameter(description="id of the todo", json_schema_extra={"format": "uuid"})],
) -> uuid.UUID:
    """The id in the path. A malformed id gets the same 404 as an unknown one."""
    parsed = parse_id(todo_id)
    if parsed is None:
        raise not_found()
    return parsed


DatabaseDep = Annotated[Database, Depends(_get_database)]
Now = Annotated[datetime, Depends(_get_now)]
TodoId = Annotated[uuid.UUID, Depends(_get_id)]
IfMatch = Annotated[Versions, Depends(preconditions.get_versions)]


async def create(token: Writer, request: Request, now: Now) -> Response:
    """Create a todo. With an Idempotency-Key it is created once, even if the request is sent several times."""
    body = await request_body.read_as(request, (request_body.JSON,))
    fields = request_body.parse_bytes(body, NewTodo).columns()
    parts = given(request, OnceParts)

    async def add(owner: str, connection: AsyncConnection, quota: Quota, within: Within) -> Answer:
        id_ = new_id(now.timestamp())
        row = await queries.create(owner, connection, id_=id_, fields=fields, now=now, quota=quota, within=within)
        return _created(request, row)

    async def act(connection: AsyncConnection) -> Answer:
        return await add(token.sub, connection, parts.quota, None)

    with as_problems():
        if (made := await _create_at_once(parts, request, token, fields, body, now)) is not None:
            return made.render()
        try:
            return await idempotency.once(parts, request, token, body=body, now=now, act=act)
        except UnknownList:
            place = await sharing.find_editable(parts.database, token.sub, fields["list_id"])
        return await idempotency.once_for_member(parts, request, token, place.owner, body=body, now=now, act=add)


async def _create_at_once(
    parts: OnceParts, request: Request, token: AccessToken, fields: Mapping[str, Any], body: bytes, now: datetime
) -> Answer | None:
    """Create the todo by one statement. None if that is not possible, or the key was used before."""
    values = transitions.created(fields, id_=new_id(now.timestamp()), now=now)
    answer = _created(request, values)
    with idempotency.holding(parts, request, token) as claim:
        stored, octets = (None, 0) if claim is None else idempotency.stored(claim, answer, body=body, now=now)
        is_made = await at_once.create(
            token.sub, parts.database, values=values, quota=parts.quota, stored=stored, octets=octets
        )
    return answer if is_made else None


def _created(request: Request, row: Mapping[str, Any]) -> Answer:
    todo = Todo.of(row)
    location = f"{quote(request.scope['path'])}/{todo.id}"
    return Answer(201, _render(todo), {"Location": location, "ETag": todo.etag})


async def list_all(
    token: Reader, request: Request, database: DatabaseDep, now: Now, shown: Annotated[ListParameters, Query()]
) -> Response:
    """List todos, by default the newest first. A Link header with rel=next (RFC 8288) leads to the next page.

    A cursor is valid only with the order and filters that it was made for.
    """
    page = await find_page(token.sub, request, database, shown, now)
    headers = {"Link": _link(request, shown, next_cursor)} if (next_cursor := page["next_cursor"]) else {}
    body = to_json(page)
    return answer_conditionally(request, body, f'"{hashlib.sha256(body).hexdigest()[:32]}"', headers)


async def find_page(
    owner: str, request: Request, database: Database, shown: ListParameters, now: datetime
) -> dict[str, Any]:
    """A page of the owner's todos, with the members of `TodoPage`.

    Raises:
        Problem: the cursor is invalid, or the quota of requests is spent.
    """
    parts = given(request, ListParts)
    after = _find_place(parts.cursor_key, owner, shown)
    if shown.may_look_far:
        async with costs.turn(parts.search_turns, owner, "searches"):
            whose, seen = await _find_owner(owner, database, shown)
            page = await searches.search(whose, seen, request, shown=shown, after=after, now=now)
    else:
        find = partial(database.find_rows, owner)
        page = await pages.find_page(owner, find, shown=shown, after=after, now=now)
    next_cursor = None
    if page.has_more:
        last = page.rows[-1]
        place = lists.render_place(shown.column, last.sort_value, last.id)
        next_cursor = cursors.render(parts.cursor_key, owner, shown.describes, place)
    return {"items": [pages.members(row) for row in page.rows], "next_cursor": next_cursor}


async def read(token: Reader, request: Request, id_: TodoId, database: DatabaseDep) -> Response:
    """Read a todo."""
    row = await sharing.read_todo(database, token.sub, id_)
    if row is None:
        raise not_found()
    todo = Todo.of(row)
    return answer_conditionally(request, _render(todo), todo.etag, {})


async def change(
    token: Writer, request: Request, id_: TodoId, versions: IfMatch, database: DatabaseDep, now: Now
) -> Response:
    """Change members of a todo by a merge patch (RFC 7396). Without If-Match, the last writer of a member wins."""
    patch = await request_body.parse(request, TodoChange, (request_body.MERGE_PATCH, request_body.JSON))
    return await _change(token.sub, request, database, id_, patch.columns(), versions, now)


async def complete(
    token: Writer, request: Request, id_: TodoId, versions: IfMatch, database: DatabaseDep, now: Now
) -> Response:
    """Mark a todo as done. A todo that is already done does not change."""
    return await _change(token.sub, request, database, id_, {"status": "done"}, versions, now)


async def reopen(
    token: Writer, request: Request, id_: TodoId, versions: IfMatch, database: DatabaseDep, now: Now
) -> Response:
    """Mark a todo as open again."""
    return await _change(token.sub, request, database, id_, {"status": "open"}, versions, now)


async def remove(
    token: Writer, request: Request, id_: TodoId, versions: IfMatch, database: DatabaseDep, now: Now
) -> None:
    """Delete a todo. It can be restored for 30 days."""

    async def act(owner: str, connection: AsyncConnection, _: Quota, within: Within) -> None:
        await queries.remove(owner, connection, id_, versions=versions, now=now, within=within)

    with as_problems():
        await sharing.change_todo(database, token.sub, id_, act, given(request, QuotaParts).quota)


async def remove_all(token: RecentWriter, request: Request, database: DatabaseDep, now: Now) -> None:
    """Delete all todos. A person must have signed in within the last five minutes; a service need not.

    Each hundred are one transaction, so that others can write in between. If the request fails, some may be left.
    """
    async with costs.turn(given(request, RemoveAllParts).batch_turns, token.sub, "batches"):
        breath, removed = costs.Breath(), queries.REMOVED_AT_ONCE
        while removed == queries.REMOVED_AT_ONCE:
            async with database.writing(token.sub) as connection:
                removed = await queries.remove_some(token.sub, connection, now=now)
            await breath.take()


async def restore(
    token: Writer, request: Request, id_: TodoId, versions: IfMatch, database: DatabaseDep, now: Now
) -> Response:
    """Restore a todo that was deleted in the last 30 days. A todo that is not deleted does not change."""

    async def act(owner: str, connection: AsyncConnection, quota: Quota, within: Within) -> RowMapping:
        return await queries.restore(owner, connection, id_, versions=versions, now=now, quota=quota, within=within)

    with as_problems():
        row = await sharing.change_todo(database, token.sub, id_, act, given(request, QuotaParts).quota)
    return _tagged(row)


async def _find_owner(subject: str, database: Database, shown: ListParameters) -> tuple[str, Database]:
    """Whose todos are listed, and the database as the subject may see them: a shared list has those of its owner."""
    if shown.list_id is None or shown.list_id == lists.INBOX or shown.deleted is not None:
        return subject, database
    place = await memberships.find_in_list(database, subject, uuid.UUID(shown.list_id))
    return (subject, database) if place is None else (place.owner, database.for_member(subject))


async def _change(
    subject: str,
    request: Request,
    database: Database,
    id_: uuid.UUID,
    columns: Mapping[str, Any],
    versions: Versions,
    now: datetime,
) -> Response:

    async def act(owner: str, connection: AsyncConnection, quota: Quota, within: Within) -> RowMapping:
        return await queries.change(
            owner, connection, id_, columns, versions=versions, now=now, quota=quota, within=within
        )

    quota = given(request, QuotaParts).quota
    with as_problems():
        row = await at_once.change(subject, database, id_, columns, versions=versions, now=now, quota=quota)
        if row is None:
            row = await sharing.change_todo(database, subject, id_, act, quota)
    return _tagged(row)


_TODO = Todo.__pydantic_serializer__


def _render(todo: Todo) -> bytes:
    return _TODO.to_json(todo)


def _tagged(row: Columns) -> Response:
    todo = Todo.of(row)
    return Response(_render(todo), headers={"ETag": todo.etag}, media_type="application/json")


def answer_conditionally(request: Request, body: bytes, etag: str, headers: dict[str, str]) -> Response:
    """The body, or 304 if the client already has it (RFC 9110 §15.4.5)."""
    headers["ETag"] = etag
    if preconditions.is_known(request, etag):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type="application/json")


def _find_place(key: bytes, owner: str, shown: ListParameters) -> After | None:
    if shown.cursor is None:
        return None
    try:
        place = cursors.verify(key, owner, shown.describes, shown.cursor)
    except cursors.InvalidCursor:
        raise Problem(problems.INVALID_CURSOR, "Begin the list again without a cursor.") from None
    return lists.parse_place(shown.column, place)


def _link(request: Request, shown: ListParameters, next_cursor: str) -> str:
    parameters = shown.model_dump(exclude_none=True, exclude_defaults=True) | {"limit": shown.limit}
    query = urlencode(parameters | {"cursor": next_cursor})
    return f'<{quote(request.scope["path"])}?{query}>; rel="next"'
