"""Up to 100 operations in one request and one transaction (`/api/v1/todos:batch`).

Each operation gets the status that it would have got as a request. A refused operation changes nothing, and the others
are still done. With `atomic`, either all operations are done or none. All operations are checked before the transaction
begins, and batch_run.py does them in few statements.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.config import JsonDict
from sqlalchemy.ext.asyncio import AsyncConnection

from ..http import costs, preconditions, problems, request_body
from ..http.authentication import Writer
from ..http.parts import given
from ..http.problems import FieldError, Problem, ProblemDocument
from ..limits.turns import Turns
from . import idempotency, queries, transitions
from .batch_run import BatchRun
from .endpoints import Now
from .fields import EXAMPLE, NewTodo, Todo, TodoChange
from .idempotency import Answer, OnceParts
from .identifiers import new_id, parse_id
from .refusals import as_problems, not_found
from .rooms import Quota
from .transitions import Columns, Versions

MAX_OPERATIONS = 100
_VALUES_OF_ONE = 20  # members of one operation and its todo, at most; there are twelve
_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)
_SHOWN = tuple(str(column.name) for column in queries.SHOWN)
_APART = 1e-6  # seconds between the ids of two new todos, so that they sort in the order of the batch


class Create(BaseModel):
    model_config = _STRICT
    op: Literal["create"]
    todo: NewTodo


class Update(BaseModel):
    model_config = _STRICT
    op: Literal["update"]
    id: str
    todo: TodoChange
    if_match: str | None = None


class Act(BaseModel):
    model_config = _STRICT
    op: Literal["complete", "reopen", "delete", "restore"]
    id: str
    if_match: str | None = None


Operation = Annotated[Create | Update | Act, Field(discriminator="op")]
_OPERATION: TypeAdapter[Create | Update | Act] = TypeAdapter(Operation)
_EXAMPLE: JsonDict = {
    "atomic": True,
    "operations": [
        {"op": "create", "todo": {"title": "Buy milk"}},
        {"op": "complete", "id": EXAMPLE["id"], "if_match": '"1"'},
    ],
}


class Batch(BaseModel):
    """Operations, done in the given order."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, json_schema_extra={"examples": [_EXAMPLE]})

    atomic: bool = False
    operations: Annotated[list[Operation], Field(min_length=1, max_length=MAX_OPERATIONS)]


class _Envelope(BaseModel):
    """A batch whose operations are not validated yet: an invalid one gets its own 422, and the others are done."""

    model_config = _STRICT

    atomic: bool = False
    operations: Annotated[list[Any], Field(min_length=1, max_length=MAX_OPERATIONS)]


class Result(BaseModel):
    """The result of one operation: a todo or a problem; neither for a deletion."""

    status: int
    todo: Todo | None = None
    problem: ProblemDocument | None = None


class BatchResults(BaseModel):
    """One result per operation, in the same order."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"results": [{"status": 201, "todo": EXAMPLE, "problem": None}]}]}
    )

    results: list[Result]


@dataclass(frozen=True, slots=True)
class Ready:
    """An operation that was checked before the transaction began."""

    number: int
    operation: Create | Update | Act
    id: uuid.UUID
    versions: Versions = None
    row: dict[str, Any] | None = None  # the new todo


@dataclass(frozen=True)
class BatchParts(OnceParts):
    batch_turns: Turns


async def batch(token: Writer, request: Request, now: Now) -> Response:
    """Do up to 100 operations in one request. With an Idempotency-Key the batch takes effect once.

    Each operation counts as a request of the rate limit. Batches of one owner run one after the other.
    """
    parts = given(request, BatchParts)
    async with costs.turn(parts.batch_turns, token.sub, "batches"):
        body = await request_body.read_as(request, (request_body.JSON,))
        asked = request_body.parse_bytes(body, _Envelope, max_values=MAX_OPERATIONS * _VALUES_OF_ONE)
        await costs.spend(request, token.sub, len(asked.operations) - 1)
        strict = preconditions.is_strict(request)
        ready = [prepare(operation, number, now, strict=strict) for number, operation in enumerate(asked.operations)]

        async def act(connection: AsyncConnection) -> Answer:
            results = await do_all(token.sub, connection, ready, now, parts.quota)
            if asked.atomic:
                _require_success(results)
            return Answer(200, BatchResults.model_construct(results=results).model_dump_json().encode(), {})

        with as_problems():
            return await idempotency.once(parts, request, token, body=body, now=now, act=act)


async def do_all(
    owner: str, connection: AsyncConnection, ready: Sequence[Ready | Result], now: datetime, quota: Quota
) -> list[Result]:
    """Do the operations that were not refused before."""
    ids = [each.id for each in ready if isinstance(each, Ready) and each.row is None]
    if not any(isinstance(each, Ready) for each in ready):
        return [each for each in ready if isinstance(each, Result)]
    run = await BatchRun.begin(owner, connection, ids, count=len(ready), now=now, quota=quota)
    results = [each if isinstance(each, Result) else await _do(run, each) for each in ready]
    await run.finish()
    return results


def _explain(problem: ProblemDocument) -> str:
    return "; ".join(f"{each.pointer} {each.detail}" for each in problem.errors or ()) or problem.detail


def _require_success(results: list[Result]) -> None:
    """Raises Problem if any operation was refused. This rolls the transaction back."""
    errors = [
        FieldError(pointer=f"/operations/{number}", detail=_explain(result.problem), status=result.status)
        for number, result in enumerate(results)
        if result.problem is not None
    ]
    if errors:
        raise Problem(problems.BATCH_NOT_APPLIED, "Some operations were refused; see errors.", errors=errors)


def prepare(operation: object, number: int, now: datetime, *, strict: bool) -> Ready | Result:
    """Check an operation, without its todo: no transaction is open yet."""
    try:
        try:
            parsed = _OPERATION.validate_python(operation)
        except ValidationError as error:
            raise request_body.invalid_fields(error, within=f"/operations/{number}", is_tagged=True) from None
        if isinstance(parsed, Create):
            id_ = new_id(now.timestamp() + number * _APART)
            return Ready(number, parsed, id_, row=transitions.created(parsed.todo.columns(), id_=id_, now=now))
        existing = parse_id(parsed.id)
        if existing is None:
            raise not_found()
        return Ready(number, parsed, existing, _versions(parsed.if_match, strict=strict))
    except Problem as problem:
        return refused(problem, number)


def refused(problem: Problem, number: int) -> Result:
    """The result of the operation with this number, which was refused."""
    kind = problem.problem_type
    document = ProblemDocument(
        type=kind.type,
        title=kind.title,
        status=kind.status,
        detail=problem.detail,
        instance=f"/operations/{number}",
        errors=list(problem.errors[:5]) or None,
    )
    return Result(status=kind.status, problem=document)


async def _do(run: BatchRun, ready: Ready) -> Result:
    try:
        with as_problems(f"/operations/{ready.number}/todo"):
            return await _apply(run, ready)
    except Problem as problem:
        return refused(problem, ready.number)


async def _apply(run: BatchRun, ready: Ready) -> Result:
    if ready.row is not None:
        return result(201, await run.create(ready.row))
    match ready.operation:
        case Update(todo=todo):
            return result(200, await run.change(ready.id, todo.columns(), ready.versions))
        case Act(op="delete"):
            await run.remove(ready.id, ready.versions)
            return Result(status=204)
        case Act(op="restore"):
            return result(200, await run.restore(ready.id, ready.versions))
    status = "done" if ready.operation.op == "complete" else "open"
    return result(200, await run.change(ready.id, {"status": status}, ready.versions))


def result(status: int, row: Columns) -> Result:
    """The result of an operation after which its todo is `row`."""
    return Result.model_construct(status=status, todo=Todo.of({name: row[name] for name in _SHOWN}), problem=None)


def _versions(if_match: str | None, *, strict: bool) -> Versions:
    if if_match is not None:
        return preconditions.parse_versions(if_match)
    if strict:
        raise Problem(
            problems.PRECONDITION_REQUIRED,
            "The request asks for strict handling, so each operation must have an if_match.",
        )
    return None
