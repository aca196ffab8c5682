"""The tools: what an agent may call, the scope that each needs, and the function that it calls."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from ..http import costs, problems
from ..http.problems import Problem
from ..todos import batch, cursors, endpoints, list_endpoints, list_queries, lists, queries, sharing
from ..todos.batch import Ready, Result, Update
from ..todos.fields import Due, ListId, NewTodo, Priority, Status, Todo, without_default
from ..todos.identifiers import new_id, parse_id
from ..todos.list_fields import OWN, NewTodoList, TodoList
from ..todos.lists import ListParameters, Order
from ..todos.queries import Within
from ..todos.refusals import as_problems, not_found
from ..todos.rooms import Quota
from .calls import Call
from .metadata import ADD, COMPLETE, LIST, PLAN, SEARCH

MOST_PLANNED = 50  # todos of one call
_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)
Limit = Annotated[int, Field(ge=1, le=100, description="most todos to show")]
Cursor = Annotated[
    str | None,
    Field(max_length=cursors.MAX_LENGTH, description="`next_cursor` of the page before, with the same filters"),
]
Id = Annotated[str, Field(description="id of a todo, from list_todos or search_todos")]


class Nothing(BaseModel):
    """No parameters."""

    model_config = _STRICT


class Shown(BaseModel):
    """Which todos to list, in which order."""

    model_config = _STRICT

    status: Annotated[Status | None, Field(description="only todos with this status")] = None
    list_id: Annotated[lists.ListId | None, Field(description="only this list; `inbox`: todos of no list")] = None
    priority: Annotated[Priority | None, Field(description="only this priority: 0 none to 3 high")] = None
    due_before: Annotated[lists.Instant | None, Field(description="only todos that are due before this time")] = None
    due_after: Annotated[lists.Instant | None, Field(description="only todos that are due then or later")] = None
    due_on: Annotated[lists.Date | None, Field(description="only todos that are due on this day")] = None
    time_zone: Annotated[lists.Zone | None, Field(description="zone of `due_on`; default UTC")] = None
    sort: Annotated[Order, Field(description="a minus reverses the order")] = "-created"
    limit: Limit = 20
    cursor: Cursor = None


class Sought(BaseModel):
    """Text to search for."""

    model_config = _STRICT

    q: Annotated[lists.Search, Field(description="text in title or notes, in any case")]
    status: Annotated[Status | None, Field(description="only todos with this status")] = None
    limit: Limit = 20
    cursor: Cursor = None


class Named(BaseModel):
    """One todo."""

    model_config = _STRICT

    id: Id


class Planned(BaseModel):
    """One todo, and what to change of its plan. A member that is left out stays as it is; null resets it."""

    model_config = _STRICT

    id: Id
    due: Annotated[Due | None, Field(json_schema_extra=without_default)] = None
    priority: Annotated[
        Priority | None, Field(description="0 none, 1 low, 2 medium, 3 high", json_schema_extra=without_default)
    ] = None
    list_id: Annotated[ListId | None, Field(description="null: the inbox", json_schema_extra=without_default)] = None


class Plan(BaseModel):
    """Todos to plan."""

    model_config = _STRICT

    todos: Annotated[list[Planned], Field(min_length=1, max_length=MOST_PLANNED)]


async def _list_todos(call: Call, asked: Shown) -> object:
    return await _find_page(call, asked)


async def _search_todos(call: Call, asked: Sought) -> object:
    return await _find_page(call, asked)


async def _find_page(call: Call, asked: Shown | Sought) -> object:
    shown = ListParameters(**asked.model_dump(exclude_none=True))
    return await endpoints.find_page(call.owner, call.request, call.parts.database, shown, call.now)


async def _list_lists(call: Call, asked: Nothing) -> object:
    async with call.parts.database.reading(call.owner) as connection:
        rows = await list_queries.find_all(call.owner, connection)
    shared = await list_endpoints.find_shared(call.owner, call.parts.database)
    return {"items": [{**OWN, **row} for row in rows] + shared}


async def _add_todo(call: Call, asked: NewTodo) -> object:
    now, parts, fields = call.now, call.parts, asked.columns()

    async def act(owner: str, connection: AsyncConnection, quota: Quota, within: Within) -> Mapping[str, Any]:
        id_ = new_id(now.timestamp())
        return await queries.create(owner, connection, id_=id_, fields=fields, now=now, quota=quota, within=within)

    with as_problems():
        return Todo.of(await sharing.add_todo(parts.database, call.owner, fields.get("list_id"), act, parts.quota))


async def _add_list(call: Call, asked: NewTodoList) -> object:
    now, quota, owner = call.now, call.parts.quota, call.owner
    with as_problems():
        async with call.parts.database.writing(owner) as connection:
            id_ = new_id(now.timestamp())
            row = await list_queries.create(owner, connection, id_=id_, fields=asked.columns(), now=now, quota=quota)
    return TodoList.of(row)


async def _complete_todo(call: Call, asked: Named) -> object:
    return await _set_status(call, asked, "done")


async def _reopen_todo(call: Call, asked: Named) -> object:
    return await _set_status(call, asked, "open")


async def _set_status(call: Call, asked: Named, status: Status) -> object:
    id_, quota = parse_id(asked.id), call.parts.quota
    if id_ is None:
        raise not_found()

    async def act(owner: str, connection: AsyncConnection, quota: Quota, within: Within) -> RowMapping:
        columns = {"status": status}
        return await queries.change(
            owner, connection, id_, columns, versions=None, now=call.now, quota=quota, within=within
        )

    with as_problems():
        return Todo.of(await sharing.change_todo(call.parts.database, call.owner, id_, act, quota))


async def _plan_todos(call: Call, asked: Plan) -> object:
    """As a batch of updates: each counts as a request, each has a result of its own, and the others are still done.

    Those of lists that others share are changed afterwards, one by one.
    """
    owner, parts, now = call.owner, call.parts, call.now
    async with costs.turn(parts.batch_turns, owner, "batches"):
        await costs.spend(call.request, owner, len(asked.todos) - 1)
        changes = [each.model_dump(exclude_unset=True) for each in asked.todos]
        operations = [{"op": "update", "id": each.pop("id"), "todo": each} for each in changes]
        ready = [batch.prepare(each, number, now, strict=False) for number, each in enumerate(operations)]
        with as_problems():
            async with parts.database.writing(owner) as connection:
                results = await batch.do_all(owner, connection, ready, now, parts.quota)
        for number, (each, result) in enumerate(zip(ready, results, strict=True)):
            if not isinstance(each, Ready) or result.status != problems.NOT_FOUND.status:
                continue
            if isinstance(each.operation, Update):
                results[number] = await _plan_shared(call, each, each.operation.todo.columns())
    return batch.BatchResults.model_construct(results=results)


async def _plan_shared(call: Call, ready: Ready, columns: Mapping[str, Any]) -> Result:
    """The result for a todo that is not the person's own."""
    parts = call.parts

    async def act(owner: str, connection: AsyncConnection, quota: Quota, within: Within) -> RowMapping:
        return await queries.change(
            owner, connection, ready.id, columns, versions=None, now=call.now, quota=quota, within=within
        )

    try:
        with as_problems(f"/operations/{ready.number}/todo"):
            row = await sharing.change_shared(parts.database, call.owner, ready.id, act, parts.quota)
            return batch.result(200, row)
    except Problem as problem:
        return batch.refused(problem, ready.number)


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool. Unless it is in `metadata.READING`, it changes todos and is refused while the status lists are stale."""

    scope: str
    title: str
    description: str
    parameters: type[BaseModel]
    act: Callable[[Call, Any], Awaitable[object]]

    @property
    def schema(self) -> dict[str, Any]:
        """The parameters as JSON Schema, without the titles that pydantic makes of the names: a model reads it all."""
        schema: dict[str, Any] = _without_titles(self.parameters.model_json_schema())
        return {name: value for name, value in schema.items() if name not in ("description", "examples")}


def _without_titles(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return [_without_titles(each) for each in schema] if isinstance(schema, list) else schema
    return {
        name: _without_titles(value) for name, value in schema.items() if name != "title" or not isinstance(value, str)
    }


TOOLS = {
    "list_todos": Tool(
        LIST,
        "List todos",
        "List todos, by default the newest first. `next_cursor` leads to the next page.",
        Shown,
        _list_todos,
    ),
    "list_lists": Tool(LIST, "List lists", "All lists of todos, in the person's order.", Nothing, _list_lists),
    "search_todos": Tool(
        SEARCH, "Search todos", "Find todos by a text in their title or notes.", Sought, _search_todos
    ),
    "add_todo": Tool(ADD, "Add a todo", "Add a todo. Sent twice, it is added twice.", NewTodo, _add_todo),
    "add_list": Tool(ADD, "Add a list", "Add a list for todos.", NewTodoList, _add_list),
    "complete_todo": Tool(COMPLETE, "Complete a todo", "Mark a todo as done.", Named, _complete_todo),
    "reopen_todo": Tool(COMPLETE, "Reopen a todo", "Mark a todo as open again.", Named, _reopen_todo),
    "plan_todos": Tool(
        PLAN,
        "Plan todos",
        "Set when todos are due, how urgent they are (priority), and in which list they are. One result for each.",
        Plan,
        _plan_todos,
    ),
}
ADDING = {"add_todo", "add_list"}  # tools that do more when they are called again
