"""Bearer tokens as requests carry them, and the refusals of what they open (RFC 6750)."""

from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from ..oauth.errors import InvalidRequest
from ..oauth.parameters import MEDIA_TYPE
from .oauth_requests import NO_STORE, OAuthErrorBody, read_form


class BearerRefusal(Exception):
    """RFC 6750 §3: what is missing is said in the header. Who showed no token at all is told of no error."""

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
    """The one token of a request, from its header or its form (RFC 6750 §2.1, §2.2); never from the address.

    Raises:
        BearerRefusal: none, several, or an unreadable form.
    """
    in_header = request.headers.getlist("authorization")
    in_form = await _read_from_form(request)
    if len(in_header) + (in_form is not None) > 1:
        raise BearerRefusal(400, "invalid_request", "The token is sent in more than one way.")
    if in_form is not None:
        return in_form
    scheme, _, token = (in_header[0] if in_header else "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise BearerRefusal(401, reason="no token")
    return token.strip()


async def _read_from_form(request: Request) -> str | None:
    """A body of another kind says nothing of tokens, and is left unread."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
        return None
    try:
        return (await read_form(request)).get("access_token")
    except InvalidRequest as error:
        raise BearerRefusal(error.status, error.error, error.description, reason=error.reason) from error


def invalid_token(reason: str) -> BearerRefusal:
    return BearerRefusal(401, "invalid_token", "The access token is not valid.", reason=reason)


def insufficient_scope(scope: str) -> BearerRefusal:
    return BearerRefusal(403, "insufficient_scope", "The access token does not reach so far.", scope=scope)


class _Challenged(BaseModel):
    """401: without members where no token was shown."""

    error: str | None = None
    error_description: str | None = None


REFUSALS: dict[int | str, dict[str, Any]] = {
    **{status: {"model": OAuthErrorBody} for status in (400, 403, 413)},
    401: {"model": _Challenged},
}
