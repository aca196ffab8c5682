"""The bearer token of a request, and refusals with their challenge (RFC 6750)."""

from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from ..oauth.errors import InvalidRequest
from ..oauth.parameters import MEDIA_TYPE
from .oauth_requests import NO_STORE, OAuthErrorBody, read_form


class BearerRefusal(Exception):
    """A refusal with a `WWW-Authenticate` challenge. If the request has no token, no error is named (RFC 6750 §3)."""

    def __init__(
        self, status: int, error: str = "", description: str = "", *, scope: str = "", reason: str = ""
    ) -> None:
        super().__init__(description)
        self.status = status
        self.reason = reason or description  # for the log only
        told = {"error": error, "error_description": description, "scope": scope}
        self._told = {name: value for name, value in told.items() if value}

    def render(self) -> Response:
        challenge = ", ".join(f'{name}="{value}"' for name, value in {"realm": "oauth", **self._told}.items())
        body = {name: value for name, value in self._told.items() if name != "scope"}
        return JSONResponse(body, self.status, {**NO_STORE, "WWW-Authenticate": f"Bearer {challenge}"})


async def read_bearer_token(request: Request) -> str:
    """The token of a request, from its header or its form (RFC 6750 §2.1, §2.2), but never from its query.

    Raises:
        BearerRefusal: no token, more than one token, or an unreadable form.
    """
    in_header = request.headers.getlist("authorization")
    in_form = await _read_from_form(request)
    if len(in_header) + (in_form is not None) > 1:
        raise BearerRefusal(400, "invalid_request", "More than one access token was sent.")
    if in_form is not None:
        return in_form
    scheme, _, token = (in_header[0] if in_header else "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise BearerRefusal(401, reason="no token")
    return token.strip()


async def _read_from_form(request: Request) -> str | None:
    """The form's `access_token`. A body of another media type is left unread."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        return None
    try:
        return (await read_form(request)).get("access_token")
    except InvalidRequest as error:
        raise BearerRefusal(error.status, error.error, error.description, reason=error.reason) from error


def invalid_token(reason: str) -> BearerRefusal:
    return BearerRefusal(401, "invalid_token", "The access token is not valid.", reason=reason)


def insufficient_scope(scope: str) -> BearerRefusal:
    return BearerRefusal(403, "insufficient_scope", "The access token lacks the required scope.", scope=scope)


class _Challenged(BaseModel):
    """The body of a 401. It has no members if the request had no token."""

    error: str | None = None
    error_description: str | None = None


REFUSALS: dict[int | str, dict[str, Any]] = {
    **{status: {"model": OAuthErrorBody} for status in (400, 403, 413, 415)},
    401: {"model": _Challenged},
}
