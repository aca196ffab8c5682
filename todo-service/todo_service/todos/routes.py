"""The routes: which request goes to which function, and its description in the OpenAPI document."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel

from ..http import openapi, problems, request_body
from ..http.problems import ProblemType
from . import batch, changes, endpoints, events, export, list_endpoints, member_endpoints
from .batch import Batch, BatchResults
from .changes import Changes
from .export import Export
from .fields import NewTodo, Todo, TodoChange, TodoPage
from .list_fields import NewTodoList, TodoList, TodoListChange, TodoLists
from .member_fields import (
    Acceptance,
    HeldInvitation,
    Invitations,
    MadeInvitation,
    Member,
    MemberChange,
    Members,
    NewInvitation,
    ShownInvitation,
)

OWN = "/api/v1"
BY_USER = "/api/v1/users/{user_id}"  # http/authentication.py refuses a user_id other than the token's sub

_ALWAYS = (
    problems.INVALID_REQUEST,
    problems.AUTHENTICATION_REQUIRED,
    problems.INVALID_TOKEN,
    problems.INSUFFICIENT_SCOPE,
    problems.CONTENT_TOO_LARGE,
    problems.RATE_LIMIT_EXCEEDED,
    problems.INTERNAL_ERROR,
    problems.KEYS_UNAVAILABLE,
    problems.STATUS_UNAVAILABLE,
    problems.DATABASE_UNAVAILABLE,
)
_LIST = (problems.INVALID_PARAMETER, problems.INVALID_CURSOR)
_BODY = (problems.INVALID_JSON, problems.UNSUPPORTED_MEDIA_TYPE, problems.INVALID_FIELDS)
_ONE = (problems.NOT_FOUND,)
_OF_OTHERS = (problems.NOT_FOUND, problems.INSUFFICIENT_ROLE)
_CONDITIONAL = (*_OF_OTHERS, problems.PRECONDITION_FAILED, problems.PRECONDITION_REQUIRED)
_ONCE = (problems.INVALID_IDEMPOTENCY_KEY, problems.REQUEST_IN_PROGRESS, problems.IDEMPOTENCY_KEY_REUSED)
_SYNC = (problems.INVALID_PARAMETER, problems.INVALID_SYNC_TOKEN, problems.SYNC_TOKEN_EXPIRED)

_ETAG = {"ETag": {"description": "version", "schema": {"type": "string"}}}
_LOCATION = {"Location": {"description": "path of what was created", "schema": {"type": "string"}}}
_LINK = {"Link": {"description": "the next page (rel=next), if there is one", "schema": {"type": "string"}}}
_USER_ID: dict[str, object] = {
    "name": "user_id",
    "in": "path",
    "required": True,
    "description": "must be the token's `sub`",
    "schema": {"type": "string"},
}


def _header(name: str, description: str, example: str) -> dict[str, object]:
    schema = {"type": "string", "examples": [example]}
    return {"name": name, "in": "header", "description": description, "schema": schema}


_IF_MATCH = (
    _header("If-Match", "ETag that it must still have", '"1"'),
    _header("Prefer", "`handling=strict` refuses a request without If-Match (RFC 7240 §4.4)", "handling=strict"),
)
_IF_NONE_MATCH = (_header("If-None-Match", "ETag that the client already has: 304 if nothing changed", '"1"'),)
_IDEMPOTENCY_KEY = (
    _header("Idempotency-Key", "a quoted string; a repeated request with the same key takes effect once", '"8e03978e"'),
)

_LAST_EVENT_ID = (_header("Last-Event-ID", "`id` of the last event; none comes at once if it is still right", "17"),)

_PATCHES = (TodoChange, TodoListChange, MemberChange)


def router(prefix: str) -> APIRouter:
    """All routes under `prefix`: OWN, or BY_USER with the owner in the path."""
    by_user = prefix == BY_USER
    routes = APIRouter(prefix=prefix, tags=["todos"])

    def add(
        method: str,
        path: str,
        endpoint: Callable[..., object],
        *kinds: ProblemType,
        answer: type[BaseModel] | None,
        status_code: int = 200,
        headers: Mapping[str, object] = MappingProxyType({}),
        request_headers: Sequence[dict[str, object]] = (),
        body: type[BaseModel] | None = None,
        of: str = "Todo",
        response_class: type[Response] = JSONResponse,
    ) -> None:
        kinds = (*_ALWAYS, *((problems.OTHER_USER,) if by_user else ()), *kinds)
        responses: dict[int | str, dict[str, Any]] = {status_code: {"headers": dict(headers)}}
        if answer is not None:
            media_type = response_class.media_type or request_body.JSON
            responses[status_code]["content"] = {media_type: {"schema": openapi.schema_of(answer)}}
        if request_headers is _IF_NONE_MATCH:
            responses[304] = {"description": "The client already has it", "headers": _ETAG}
        routes.add_api_route(
            path,
            endpoint,
            methods=[method],
            status_code=status_code,
            response_class=response_class,
            response_model=None,  # endpoints render their responses; FastAPI's models for them take a megabyte
            operation_id=f"{endpoint.__name__}{'User' if by_user else ''}{of}",
            responses={**responses, **problems.responses(*kinds)},
            openapi_extra=_extra(body, request_headers, by_user=by_user),
        )

    _add_collection(add)
    _add_items(add)
    _add_lists(add)
    _add_sharing(add)
    return routes


def _add_collection(add: Callable[..., None]) -> None:
    new = (*_BODY, *_ONCE, problems.QUOTA_EXCEEDED, problems.INSUFFICIENT_ROLE)
    created, shown = _LOCATION | _ETAG, _LINK | _ETAG
    once = _IDEMPOTENCY_KEY
    add("GET", "/todos", endpoints.list_all, *_LIST, answer=TodoPage, headers=shown, request_headers=_IF_NONE_MATCH)
    add("POST", "/todos", endpoints.create, *new, answer=Todo, status_code=201, headers=created, request_headers=once, body=NewTodo)  # fmt: skip  # noqa: E501 - one route, one line
    add(
        "DELETE",
        "/todos",
        endpoints.remove_all,
        problems.INSUFFICIENT_USER_AUTHENTICATION,
        answer=None,
        status_code=204,
    )
    add("POST", "/todos:batch", batch.batch, *_BODY, *_ONCE, problems.BATCH_NOT_APPLIED, answer=BatchResults, request_headers=once, body=Batch)  # fmt: skip  # noqa: E501 - as above
    add("GET", "/changes", changes.changes, *_SYNC, answer=Changes)
    add("GET", "/export", export.export, answer=Export)
    stream = {"answer": events.Event, "response_class": events.EventStream}
    add("GET", "/events", events.events, **stream, request_headers=_LAST_EVENT_ID)


def _add_items(add: Callable[..., None]) -> None:
    item = {"answer": Todo, "headers": _ETAG}
    conditional = item | {"request_headers": _IF_MATCH}
    path = "/todos/{todo_id}"
    add("GET", path, endpoints.read, *_ONE, **item, request_headers=_IF_NONE_MATCH)
    add("PATCH", path, endpoints.change, *_CONDITIONAL, *_BODY, **conditional, body=TodoChange)
    add("DELETE", path, endpoints.remove, *_CONDITIONAL, answer=None, status_code=204, request_headers=_IF_MATCH)
    add("POST", f"{path}/complete", endpoints.complete, *_CONDITIONAL, **conditional)
    add("POST", f"{path}/reopen", endpoints.reopen, *_CONDITIONAL, **conditional)
    add("POST", f"{path}/restore", endpoints.restore, *_CONDITIONAL, problems.QUOTA_EXCEEDED, **conditional)


def _add_lists(add: Callable[..., None]) -> None:
    new = {"headers": _LOCATION | _ETAG, "request_headers": _IDEMPOTENCY_KEY, "body": NewTodoList}
    item: dict[str, Any] = {"answer": TodoList, "headers": _ETAG, "of": "List"}
    conditional = item | {"request_headers": _IF_MATCH}
    path, endpoint = "/lists/{list_id}", list_endpoints
    add("GET", "/lists", endpoint.list_all, problems.INVALID_PARAMETER, answer=TodoLists, headers=_ETAG, request_headers=_IF_NONE_MATCH, of="List")  # fmt: skip  # noqa: E501 - one route, one line
    add("POST", "/lists", endpoint.create, *_BODY, *_ONCE, problems.QUOTA_EXCEEDED, status_code=201, **item | new)
    add("GET", path, endpoint.read, *_ONE, **item, request_headers=_IF_NONE_MATCH)
    add("PATCH", path, endpoint.change, *_CONDITIONAL, *_BODY, problems.QUOTA_EXCEEDED, **conditional, body=TodoListChange)  # fmt: skip  # noqa: E501 - as above
    add("DELETE", path, endpoint.remove, *_CONDITIONAL, answer=None, status_code=204, request_headers=_IF_MATCH, of="List")  # fmt: skip  # noqa: E501 - as above
    add("POST", f"{path}/restore", endpoint.restore, *_CONDITIONAL, problems.QUOTA_EXCEEDED, **conditional)


def _add_sharing(add: Callable[..., None]) -> None:
    endpoint, path = member_endpoints, "/lists/{list_id}"
    new = (*_OF_OTHERS, *_BODY, problems.QUOTA_EXCEEDED)
    held = (*_ONE, *_BODY, problems.OWN_LIST)
    member, invitation = f"{path}/members/{{member_id}}", f"{path}/invitations/{{invitation_id}}"
    add("GET", f"{path}/members", endpoint.list_members, *_ONE, answer=Members, of="")
    add("PATCH", member, endpoint.change_member, *_OF_OTHERS, *_BODY, answer=Member, body=MemberChange, of="")
    add("DELETE", member, endpoint.remove_member, *_OF_OTHERS, answer=None, status_code=204, of="")
    add("GET", f"{path}/invitations", endpoint.list_invitations, *_OF_OTHERS, answer=Invitations, of="")
    add("POST", f"{path}/invitations", endpoint.create_invitation, *new, answer=MadeInvitation, status_code=201, headers=_LOCATION, body=NewInvitation, of="")  # fmt: skip  # noqa: E501 - one route, one line
    add("DELETE", invitation, endpoint.withdraw_invitation, *_OF_OTHERS, answer=None, status_code=204, of="")
    add("POST", "/invitations/show", endpoint.show_invitation, *held, answer=ShownInvitation, body=HeldInvitation, of="")  # fmt: skip  # noqa: E501 - as above
    add("POST", "/invitations/accept", endpoint.accept_invitation, *held, problems.QUOTA_EXCEEDED, answer=TodoList, headers=_ETAG, body=Acceptance, of="")  # fmt: skip  # noqa: E501 - as above


def _extra(body: type[BaseModel] | None, headers: Sequence[dict[str, object]], *, by_user: bool) -> dict[str, Any]:
    """Parts of the OpenAPI description that FastAPI cannot see: endpoints read headers and bodies themselves."""
    parameters = [*([_USER_ID] if by_user else ()), *headers]
    extra: dict[str, Any] = {"parameters": parameters} if parameters else {}
    if body is not None:
        media_types = (request_body.MERGE_PATCH, request_body.JSON) if body in _PATCHES else (request_body.JSON,)
        content = {media_type: {"schema": openapi.schema_of(body)} for media_type in media_types}
        extra["requestBody"] = {"required": True, "content": content}
    return extra
