"""Which request goes to which function of `endpoints`, and what the OpenAPI document says about it."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel

from todo_service import problems, request_body
from todo_service.problems import ProblemType
from todo_service.todos import endpoints
from todo_service.todos.fields import NewTodo, TodoChange

OWN = "/api/v1/todos"
BY_USER = "/api/v1/users/{user_id}/todos"  # `authentication` refuses every user_id but the token's sub

_ALWAYS = (
    problems.INVALID_REQUEST,
    problems.AUTHENTICATION_REQUIRED,
    problems.INVALID_TOKEN,
    problems.INSUFFICIENT_SCOPE,
    problems.CONTENT_TOO_LARGE,
    problems.INTERNAL_ERROR,
    problems.KEYS_UNAVAILABLE,
    problems.DATABASE_UNAVAILABLE,
)
_LIST = (problems.INVALID_PARAMETER, problems.INVALID_CURSOR)
_BODY = (problems.INVALID_JSON, problems.UNSUPPORTED_MEDIA_TYPE, problems.INVALID_FIELDS)
_ONE = (problems.NOT_FOUND,)
_CONDITIONAL = (problems.NOT_FOUND, problems.PRECONDITION_FAILED)

_ETAG = {"ETag": {"description": "version of the todo", "schema": {"type": "string"}}}
_LOCATION = {"Location": {"description": "where the todo is", "schema": {"type": "string"}}}
_LINK = {"Link": {"description": "rel=next, when there is more", "schema": {"type": "string"}}}
_USER_ID: dict[str, object] = {
    "name": "user_id",
    "in": "path",
    "required": True,
    "description": "must be the token's `sub`",
    "schema": {"type": "string"},
}
_IF_MATCH: dict[str, object] = {
    "name": "If-Match",
    "in": "header",
    "description": "ETag that the todo must still have",
    "schema": {"type": "string"},
}


def router(prefix: str) -> APIRouter:
    by_user = prefix == BY_USER
    routes = APIRouter(prefix=prefix, tags=["todos"])

    def add(
        method: str,
        path: str,
        endpoint: Callable[..., object],
        *kinds: ProblemType,
        status_code: int = 200,
        headers: Mapping[str, object] = MappingProxyType({}),
        body: type[BaseModel] | None = None,
        if_match: bool = False,
    ) -> None:
        kinds = (*_ALWAYS, *((problems.OTHER_USER,) if by_user else ()), *kinds)
        routes.add_api_route(
            path,
            endpoint,
            methods=[method],
            status_code=status_code,
            operation_id=f"{endpoint.__name__}{'User' if by_user else ''}Todo",
            responses={status_code: {"headers": dict(headers)}, **problems.responses(*kinds)},
            openapi_extra=_extra(body, by_user=by_user, if_match=if_match),
        )

    add("GET", "", endpoints.list_all, *_LIST, headers=_LINK)
    add("POST", "", endpoints.create, *_BODY, status_code=201, headers=_LOCATION | _ETAG, body=NewTodo)
    add("GET", "/{todo_id}", endpoints.read, *_ONE, headers=_ETAG)
    add("PATCH", "/{todo_id}", endpoints.change, *_CONDITIONAL, *_BODY, headers=_ETAG, body=TodoChange, if_match=True)
    add("POST", "/{todo_id}/complete", endpoints.complete, *_CONDITIONAL, headers=_ETAG, if_match=True)
    add("POST", "/{todo_id}/reopen", endpoints.reopen, *_CONDITIONAL, headers=_ETAG, if_match=True)
    add("DELETE", "/{todo_id}", endpoints.remove, *_CONDITIONAL, status_code=204, if_match=True)
    return routes


def _extra(body: type[BaseModel] | None, *, by_user: bool, if_match: bool) -> dict[str, Any]:
    """What FastAPI cannot see, because the functions read it themselves."""
    parameters = [*([_USER_ID] if by_user else ()), *([_IF_MATCH] if if_match else ())]
    extra: dict[str, Any] = {"parameters": parameters} if parameters else {}
    if body is not None:
        media_types = (request_body.MERGE_PATCH, request_body.JSON) if body is TodoChange else (request_body.JSON,)
        content = {media_type: {"schema": body.model_json_schema()} for media_type in media_types}
        extra["requestBody"] = {"required": True, "content": content}
    return extra
