"""/api/v1/todos, and the same with the owner in the path.

A request is judged in this order: token, scope, owner in the path, id, body, and only then what is stored. The body
is read before the database is asked, so that a slow client holds no connection and no lock.
"""

import re
import uuid
from datetime import UTC, datetime
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Depends, Query, Request, Response
from fastapi import Path as PathParameter

from todo_service import problems, request_body
from todo_service.access_token import AccessToken
from todo_service.authentication import Reader, Writer
from todo_service.database import Database
from todo_service.problems import Problem
from todo_service.todos import cursors, queries
from todo_service.todos.fields import NewTodo, Todo, TodoChange, TodoPage
from todo_service.todos.identifiers import new_id, parse_id
from todo_service.todos.queries import Versions

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
_ETAG = re.compile(r'"([1-9]\d{0,8})"', re.ASCII)


def _get_database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


def _get_now(request: Request) -> datetime:
    return datetime.fromtimestamp(request.app.state.clock(), UTC)


def _get_id(
    todo_id: Annotated[str, PathParameter(description="id of the todo", json_schema_extra={"format": "uuid"})],
) -> uuid.UUID:
    """The id in the path. Whatever cannot be an id is as absent as an id that nobody has."""
    parsed = parse_id(todo_id)
    if parsed is None:
        raise _not_found()
    return parsed


def _get_versions(request: Request) -> Versions:
    """The versions of If-Match (RFC 9110 §13.1.1); None when any will do. Weak and foreign tags match nothing."""
    given = ",".join(request.headers.getlist("If-Match"))
    if not given or given.strip() == "*":
        return None
    tags = (_ETAG.fullmatch(tag.strip()) for tag in given.split(","))
    return [int(tag[1]) for tag in tags if tag]


DatabaseDep = Annotated[Database, Depends(_get_database)]
Now = Annotated[datetime, Depends(_get_now)]
TodoId = Annotated[uuid.UUID, Depends(_get_id)]
IfMatch = Annotated[Versions, Depends(_get_versions)]
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="how many at most")]
Cursor = Annotated[str | None, Query(max_length=cursors.MAX_LENGTH, description="`next_cursor` of the part before")]


async def create(token: Writer, request: Request, response: Response, database: DatabaseDep, now: Now) -> Todo:
    """Create a todo."""
    fields = await request_body.parse(request, NewTodo, (request_body.JSON,))
    async with database.writer.begin() as connection:
        row = await queries.create(
            token.sub, connection, id_=new_id(now.timestamp()), fields=fields.model_dump(), now=now
        )
    response.headers["Location"] = f"{quote(request.scope['path'])}/{row.id}"
    return _tagged(response, Todo.of(row))


async def list_all(
    token: Reader,
    request: Request,
    response: Response,
    database: DatabaseDep,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> TodoPage:
    """List todos, newest first. A Link header with rel=next (RFC 8288) leads to the next part."""
    key: bytes = request.app.state.cursor_key
    after = None if cursor is None else _verify_cursor(key, token.sub, cursor)
    async with database.reader.connect() as connection:
        rows = await queries.find_page(token.sub, connection, after=after, limit=limit + 1)
    items = [Todo.of(row) for row in rows[:limit]]
    if len(rows) <= limit:
        return TodoPage.model_construct(items=items, next_cursor=None)
    next_cursor = cursors.render(key, token.sub, items[-1].id)
    response.headers["Link"] = f'<{quote(request.scope["path"])}?limit={limit}&cursor={next_cursor}>; rel="next"'
    return TodoPage.model_construct(items=items, next_cursor=next_cursor)


async def read(token: Reader, response: Response, id_: TodoId, database: DatabaseDep) -> Todo:
    """Read a todo."""
    async with database.reader.connect() as connection:
        row = await queries.find(token.sub, connection, id_)
    if row is None:
        raise _not_found()
    return _tagged(response, Todo.of(row))


async def change(
    token: Writer,
    request: Request,
    response: Response,
    id_: TodoId,
    versions: IfMatch,
    database: DatabaseDep,
    now: Now,
) -> Todo:
    """Change some members of a todo by a merge patch (RFC 7396). Without If-Match the last writer of a member wins."""
    patch = await request_body.parse(request, TodoChange, (request_body.MERGE_PATCH, request_body.JSON))
    return _tagged(response, await _change(token, database, id_, patch.columns(), versions, now))


async def complete(
    token: Writer, response: Response, id_: TodoId, versions: IfMatch, database: DatabaseDep, now: Now
) -> Todo:
    """Mark a todo as done. One that is done already stays as it is."""
    return _tagged(response, await _change(token, database, id_, {"status": "done"}, versions, now))


async def reopen(
    token: Writer, response: Response, id_: TodoId, versions: IfMatch, database: DatabaseDep, now: Now
) -> Todo:
    """Mark a todo as open again."""
    return _tagged(response, await _change(token, database, id_, {"status": "open"}, versions, now))


async def remove(token: Writer, id_: TodoId, versions: IfMatch, database: DatabaseDep) -> None:
    """Delete a todo."""
    async with database.writer.begin() as connection:
        if await queries.remove(token.sub, connection, id_, versions=versions):
            return
        row = await queries.find(token.sub, connection, id_)
    raise _not_found() if row is None else _precondition_failed(Todo.of(row))


async def _change(
    token: AccessToken,
    database: Database,
    id_: uuid.UUID,
    columns: dict[str, Any],
    versions: Versions,
    now: datetime,
) -> Todo:
    """Change the row, or say why not. The second try is on a locked row: what it does not change is as it should be."""
    async with database.writer.begin() as connection:
        row = await queries.change(token.sub, connection, id_, columns, versions=versions, now=now)
        if row is None:
            row = await queries.find(token.sub, connection, id_, lock=True)
            if row is None:
                raise _not_found()
            if versions is not None and row.version not in versions:
                raise _precondition_failed(Todo.of(row))
            row = await queries.change(token.sub, connection, id_, columns, versions=versions, now=now) or row
        return Todo.of(row)


def _verify_cursor(key: bytes, owner: str, cursor: str) -> uuid.UUID:
    try:
        return cursors.verify(key, owner, cursor)
    except cursors.InvalidCursor:
        raise Problem(problems.INVALID_CURSOR, "Begin the list again without a cursor.") from None


def _tagged(response: Response, todo: Todo) -> Todo:
    response.headers["ETag"] = todo.etag
    return todo


def _not_found() -> Problem:
    # The same for an id that nobody has and for another owner's: who may not see it learns nothing.
    return Problem(problems.NOT_FOUND, "There is no such todo.")


def _precondition_failed(todo: Todo) -> Problem:
    detail = "If-Match names another version than the current one."
    return Problem(problems.PRECONDITION_FAILED, detail, headers={"ETag": todo.etag})
