"""Up to 100 operations in one request and one transaction (`/api/v1/todos:batch`).

Each operation gets the status that it would have got as a request. A refused operation changes nothing, and the others
are still done. With `atomic`, either all operations are done or none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import Request, Response
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.config import JsonDict
from sqlalchemy import RowMapping
from sqlalchemy.ext.asyncio import AsyncConnection

from ..http import preconditions, problems, request_body
from ..http.authentication import Writer
from ..http.parts import given
from ..http.problems import FieldError, Problem, ProblemDocument
from . import idempotency, queries
from .endpoints import Now
from .fields import EXAMPLE, NewTodo, Todo, TodoChange
from .idempotency import Answer, OnceParts
from .identifiers import new_id, parse_id
from .queries import Versions
from .refusals import as_problems, not_found

MAX_OPERATIONS = 100
_VALUES_OF_ONE = 20  # members of one operation and its todo, at most; there are twelve
_STRICT = ConfigDict(extra="forbid", strict=True, frozen=True)
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
class _Run:
    """The values that all operations of a batch share."""

    owner: str
    connection: AsyncConnection
    now: datetime
    quota: int
    strict: bool


@dataclass(frozen=True)
class BatchParts(OnceParts):
    quota: int


async def batch(token: Writer, request: Request, now: Now) -> Response:
    """Do up to 100 operations in one request. With an Idempotency-Key the batch takes effect once."""
    body = await request_body.read_as(request, (request_body.JSON,))
    asked = request_body.parse_bytes(body, _Envelope, max_values=MAX_OPERATIONS * _VALUES_OF_ONE)
    parts = given(request, BatchParts)

    async def act(connection: AsyncConnection) -> Answer:
        run = _Run(token.sub, connection, now, parts.quota, preconditions.is_strict(request))
        results = [await _do(run, operation, number) for number, operation in enumerate(asked.operations)]
        if asked.atomic:
            _require_success(results)
        return Answer(200, BatchResults(results=results).model_dump_json().encode(), {})

    return await idempotency.once(parts, request, token, body=body, now=now, act=act)


def _require_success(results: list[Result]) -> None:
    """Raises Problem if any operation was refused. This rolls the transaction back."""
    errors = [
        FieldError(pointer=f"/operations/{number}", detail=_explain(result.problem), status=result.status)
        for number, result in enumerate(results)
        if result.problem is not None
    ]
    if errors:
        raise Problem(problems.BATCH_NOT_APPLIED, "Some operations were refused; see errors.", errors=errors)


def _explain(problem: ProblemDocument) -> str:
    return "; ".join(f"{each.pointer} {each.detail}" for each in problem.errors or ()) or problem.detail


async def _do(run: _Run, operation: object, number: int) -> Result:
    try:
        try:
            parsed = _OPERATION.validate_python(operation)
        except ValidationError as error:
            raise request_body.invalid_fields(error, within=f"/operations/{number}", is_tagged=True) from None
        with as_problems():
            return await _apply(run, parsed, number)
    except Problem as problem:
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


async def _apply(run: _Run, operation: Create | Update | Act, number: int) -> Result:
    if isinstance(operation, Create):
        id_ = new_id(run.now.timestamp() + number * _APART)
        row: Mapping[str, Any] | RowMapping = await queries.create(
            run.owner, run.connection, id_=id_, fields=operation.todo.columns(), now=run.now, quota=run.quota
        )
        return Result(status=201, todo=Todo.of(row))
    existing = parse_id(operation.id)
    if existing is None:
        raise not_found()
    versions = _versions(run, operation.if_match)
    change = partial(queries.change, run.owner, run.connection, existing, versions=versions, now=run.now)
    match operation:
        case Update():
            row = await change(columns=operation.todo.columns())
        case Act(op="delete"):
            await queries.remove(run.owner, run.connection, existing, versions=versions, now=run.now)
            return Result(status=204)
        case Act(op="restore"):
            row = await queries.restore(
                run.owner, run.connection, existing, versions=versions, now=run.now, quota=run.quota
            )
        case _:
            row = await change(columns={"status": "done" if operation.op == "complete" else "open"})
    return Result(status=200, todo=Todo.of(row))


def _versions(run: _Run, if_match: str | None) -> Versions:
    if if_match is not None:
        return preconditions.parse_versions(if_match)
    if run.strict:
        raise Problem(
            problems.PRECONDITION_REQUIRED,
            "The request asks for strict handling, so each operation must have an if_match.",
        )
    return None
