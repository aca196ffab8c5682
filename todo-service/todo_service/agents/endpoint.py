"""POST /mcp: one message of an agent, and its answer.

A request is checked in this order: the origin of a browser's page, the length of the body, the token, the rate limit,
the form of the body, the scope. The body is read before the token is verified, because it names the tool, and while the
status lists are stale a tool that changes something is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request, Response

from ..http import costs, problems, request_body, strict_json
from ..http.authentication import Authenticator
from ..http.parts import Given, given
from ..http.problems import Problem
from . import calls, metadata
from .calls import Call
from .lazy import LazyServer

MAX_VALUES = 1000  # members and elements of a message, which has members of the protocol beside the tool's arguments
_MAX_DEPTH = 32

router = APIRouter(tags=["agents"])


@dataclass(frozen=True)
class AgentParts(Given):
    mcp_server: LazyServer
    mcp_authenticator: Authenticator
    mcp_origins: frozenset[str]


@dataclass(frozen=True)
class Message:
    """A message, as far as this module reads it. `wrong` says why it is none."""

    members: Mapping[str, Any]
    wrong: str = ""

    @classmethod
    def read(cls, body: bytes) -> "Message":
        try:
            value = strict_json.parse(body, max_depth=_MAX_DEPTH, max_values=MAX_VALUES)
        except ValueError as error:
            return cls({}, f"The body is refused: {error}.")
        return cls(value) if isinstance(value, dict) else cls({}, "The body is not one message (an object).")

    @property
    def tool(self) -> str:
        """The tool that it calls; empty if it calls none."""
        parameters = self.members.get("params")
        name = parameters.get("name") if isinstance(parameters, dict) else None
        return name if self.members.get("method") == "tools/call" and isinstance(name, str) else ""


_KINDS = (
    problems.INVALID_REQUEST,
    problems.INVALID_JSON,
    problems.AUTHENTICATION_REQUIRED,
    problems.INVALID_TOKEN,
    problems.INSUFFICIENT_SCOPE,
    problems.FOREIGN_ORIGIN,
    problems.CONTENT_TOO_LARGE,
    problems.UNSUPPORTED_MEDIA_TYPE,
    problems.RATE_LIMIT_EXCEEDED,
    problems.INTERNAL_ERROR,
    problems.KEYS_UNAVAILABLE,
    problems.STATUS_UNAVAILABLE,
    problems.DATABASE_UNAVAILABLE,
)
_MESSAGE = {request_body.JSON: {"schema": {"type": "object"}}}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"description": "The answer (JSON-RPC 2.0)", "content": _MESSAGE},
    202: {"description": "A notification was received"},
    404: {"description": "The server has no such method", "content": _MESSAGE},
    406: {"description": "`Accept` does not name `application/json`"},
}
_BODY = {"required": True, "content": _MESSAGE}


def _responses() -> dict[int | str, dict[str, Any]]:
    """Refusals before the SDK are problems. It answers 400 itself to a message that the protocol does not know."""
    documented = {**_RESPONSES, **problems.responses(*_KINDS)}
    documented[400]["content"] |= _MESSAGE
    return documented


@router.post(
    metadata.RESOURCE_PATH,
    operation_id="mcp",
    response_model=None,
    responses=_responses(),
    openapi_extra={"requestBody": _BODY},
)
async def mcp(request: Request) -> Response:
    """A message of the Model Context Protocol (revision 2026-07-28 and earlier), without sessions and streams."""
    parts = given(request, AgentParts)
    _check_origin(request, parts.mcp_origins)
    body = await request_body.read(request) if "Authorization" in request.headers else b""
    message = Message.read(body)
    authenticator = parts.mcp_authenticator
    changes = message.tool != "" and message.tool not in metadata.READING
    token = await authenticator.authenticate(request, writes=changes)
    await costs.spend(request, token.sub)
    request_body.require_type(request, (request_body.JSON,))
    if message.wrong:
        raise Problem(problems.INVALID_JSON, message.wrong)
    from .tools import TOOLS  # its models take 2 MB, which most processes never need

    tool = TOOLS.get(message.tool)
    if tool is not None and tool.scope not in token.scope:
        wanted = [scope for scope in metadata.SCOPES if scope in token.scope or scope == tool.scope]
        raise authenticator.insufficient(token, tool.scope, ask_for=" ".join(wanted))
    call = Call(request, token)
    calls.current.set(call)
    response = await parts.mcp_server.answer(request, body)
    if call.failure is not None:
        raise call.failure
    return response


def _check_origin(request: Request, allowed: frozenset[str]) -> None:
    """Raises Problem for a page of another origin: a name that was made to lead here (DNS rebinding) is one, too."""
    if any(origin not in allowed for origin in request.headers.getlist("Origin")):
        raise Problem(problems.FOREIGN_ORIGIN, "TODO_CORS_ORIGINS names the origins whose pages may call.")
