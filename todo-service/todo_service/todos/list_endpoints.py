"""/api/v1/lists and its items, and the same with the owner in the path. As in endpoints.py."""

import hashlib
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Literal
from urllib.parse import quote

from fastapi import Depends, Query, Request, Response
from fastapi import Path as PathParameter
from pydantic_core import to_json
from sqlalchemy.ext.asyncio import AsyncConnection

from ..http import costs, request_body
from ..http.authentication import Reader, Writer
from ..http.parts import given
from ..store.database import ANYBODY, Database
from . import idempotency, list_queries, memberships, queries, sharing
from .endpoints import DatabaseDep, IfMatch, Now, QuotaParts, RemoveAllParts, answer_conditionally
from .idempotency import Answer, OnceParts
from .identifiers import new_id, parse_id
from .list_fields import OWN, NewTodoList, TodoList, TodoListChange, shared
from .list_queries import ListNotFound
from .refusals import as_problems, list_not_found
from .transitions import Columns


async def _get_id(
    list_id: Annotated[str, PathParameter(description="id of the list", json_schema_extra={"format": "uuid"})],
) -> uuid.UUID:
    """The id in the path. A malformed id gets the same 404 as an unknown one."""
    parsed = parse_id(list_id)
    if parsed is None:
        raise list_not_found()
    return parsed


ListId = Annotated[uuid.UUID, Depends(_get_id)]
Deleted = Annotated[Literal["only"] | None, Query(description="`only`: only deleted lists that can be restored")]


async def list_all(
    token: Reader, request: Request, database: DatabaseDep, now: Now, deleted: Deleted = None
) -> Response:
    """List all lists: own ones in the owner's order, then those that others share. They are few, so there are no pages.

    The inbox is not among them: it is always there, and holds the todos with `list_id` null.
    """
    async with database.reading(token.sub) as connection:
        if deleted is None:
            rows = await list_queries.find_all(token.sub, connection)
        else:
            rows = await list_queries.find_deleted(token.sub, connection, now=now)
    items = [{**OWN, **row} for row in rows]
    if deleted is None:
        items += await find_shared(token.sub, database)
    body = to_json({"items": items})
    return answer_conditionally(request, body, f'"{hashlib.sha256(body).hexdigest()[:32]}"', {})


async def create(token: Writer, request: Request, now: Now) -> Response:
    """Create a list. With an Idempotency-Key it is created once, even if the request is sent several times."""
    body = await request_body.read_as(request, (request_body.JSON,))
    fields = request_body.parse_bytes(body, NewTodoList).columns()
    parts = given(request, OnceParts)

    async def act(connection: AsyncConnection) -> Answer:
        id_ = new_id(now.timestamp())
        row = await list_queries.create(token.sub, connection, id_=id_, fields=fields, now=now, quota=parts.quota)
        made = TodoList.of(row)
        return Answer(201, _render(made), {"Location": f"{quote(request.scope['path'])}/{made.id}", "ETag": made.etag})

    with as_problems():
        return await idempotency.once(parts, request, token, body=body, now=now, act=act)


async def read(token: Reader, request: Request, id_: ListId, database: DatabaseDep) -> Response:
    """Read a list: its name, colour and place. `GET /api/v1/todos?list_id=` has its todos."""
    async with database.reading(token.sub) as connection:
        row: Columns | None = await list_queries.find(token.sub, connection, id_)
    if row is None and (place := await memberships.find_in_list(database, token.sub, id_)) is not None:
        async with database.for_member(token.sub).reading(place.owner) as connection:
            theirs = await list_queries.find(place.owner, connection, id_)
        row = None if theirs is None else shared(theirs, place)
    if row is None:
        raise list_not_found()
    found = TodoList.of(row)
    return answer_conditionally(request, _render(found), found.etag, {})


async def change(
    token: Writer, request: Request, id_: ListId, versions: IfMatch, database: DatabaseDep, now: Now
) -> Response:
    """Change members of a list by a merge patch (RFC 7396). Without If-Match, the last writer of a member wins."""
    patch = await request_body.parse(request, TodoListChange, (request_body.MERGE_PATCH, request_body.JSON))
    quota = given(request, QuotaParts).quota
    with as_problems():
        async with for_owner(database, token.sub, id_), database.writing(token.sub) as connection:
            row = await list_queries.change(
                token.sub, connection, id_, patch.columns(), versions=versions, now=now, quota=quota
            )
    return tagged(TodoList.of(row))


async def remove(
    token: Writer, request: Request, id_: ListId, versions: IfMatch, database: DatabaseDep, now: Now
) -> None:
    """Delete a list together with its todos. Both can be restored for 30 days.

    Each hundred todos are one transaction, so that others can write in between; the list goes with the last ones. If
    the request fails, some todos may be deleted, and the list is left.
    """
    async with costs.turn(given(request, RemoveAllParts).batch_turns, token.sub, "batches"):
        breath, is_done = costs.Breath(), False
        while not is_done:
            with as_problems():
                async with for_owner(database, token.sub, id_), database.writing(token.sub) as connection:
                    is_done = await list_queries.remove_some(token.sub, connection, id_, versions=versions, now=now)
            await breath.take()


async def restore(
    token: Writer, request: Request, id_: ListId, versions: IfMatch, database: DatabaseDep, now: Now
) -> Response:
    """Restore a list that was deleted in the last 30 days, with the todos that were deleted with it.

    Todos that were deleted before the list stay deleted. A list that is not deleted does not change.
    """
    quota = given(request, QuotaParts).quota
    async with costs.turn(given(request, RemoveAllParts).batch_turns, token.sub, "batches"):
        with as_problems():
            async with for_owner(database, token.sub, id_), database.writing(token.sub) as connection:
                row, deleted_at = await list_queries.restore(
                    token.sub, connection, id_, versions=versions, now=now, quota=quota
                )
        breath, restored = costs.Breath(), queries.REMOVED_AT_ONCE
        while deleted_at is not None and restored == queries.REMOVED_AT_ONCE:
            with as_problems():
                async with database.writing(token.sub) as connection:
                    restored = await queries.restore_some(
                        token.sub, connection, deleted_at=deleted_at, list_id=id_, now=now, quota=quota
                    )
            await breath.take()
    return tagged(TodoList.of(row))


@asynccontextmanager
async def for_owner(database: Database, subject: str, id_: uuid.UUID) -> AsyncIterator[None]:
    """Instead of ListNotFound raise InsufficientRole for a list that is shared with the subject."""
    try:
        yield
    except ListNotFound:
        await sharing.refuse_member(database, subject, id_)


async def find_shared(subject: str, database: Database) -> list[dict[str, Any]]:
    """The lists that are shared with the subject, those of one owner together."""
    async with database.for_member(subject).reading(ANYBODY) as connection:
        places = await memberships.find_of(subject, connection)
    found: list[dict[str, Any]] = []
    for owner in dict.fromkeys(each.owner for each in places):
        by_id = {each.list_id: each for each in places if each.owner == owner}
        async with database.for_member(subject).reading(owner) as connection:
            rows = await list_queries.find_shared(owner, connection, by_id)
        found += [shared(row, by_id[row["id"]]) for row in rows]
    return found


def _render(shown: TodoList) -> bytes:
    return TodoList.__pydantic_serializer__.to_json(shown)


def tagged(shown: TodoList) -> Response:
    return Response(_render(shown), headers={"ETag": shown.etag}, media_type="application/json")
