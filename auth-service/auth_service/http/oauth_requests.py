"""Shared by the OAuth endpoints: reading the form of a request, and rendering a refusal."""

from dataclasses import dataclass
from typing import Any

import structlog
from fastapi import Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from ..oauth.errors import EncodedContent, InvalidRequest, OAuthError, RequestTooLarge
from ..oauth.parameters import MAX_SIZE, MEDIA_TYPE, Parameters, parse_form
from ..telemetry.counts import RequestCounts
from .outgoing import outgoing_of
from .parts import Given, given

NO_STORE = {"Cache-Control": "no-store"}
_log = structlog.get_logger(__name__)


class OAuthErrorBody(BaseModel):
    error: str
    error_description: str


async def read_form(request: Request) -> Parameters:
    """The parameters in the body. The query is ignored: credentials must not stand in a URL (RFC 6749 §2.3.1).

    Raises:
        InvalidRequest: the body has another media type or character set, is too large, or is unreadable.
    """
    return parse_form(await read_form_octets(request))


async def read_form_octets(request: Request) -> bytes:
    """The body of a form, not yet parsed. Raises InvalidRequest, as `read_form`."""
    content_type = request.headers.get("content-type", "")
    if content_type != MEDIA_TYPE and not _is_form_in_utf_8(content_type):
        raise InvalidRequest(f"The body must be {MEDIA_TYPE}, in UTF-8.")
    if is_encoded(request):
        raise EncodedContent("The body must be sent as it is, without a content coding.")
    octets = bytearray()
    async for chunk in request.stream():
        octets += chunk
        if len(octets) > MAX_SIZE:
            raise RequestTooLarge(f"The body is larger than {MAX_SIZE} octets.")
    return bytes(octets)


def is_encoded(request: Request) -> bool:
    """Whether the body is in a content coding, such as gzip (RFC 9110 §8.4). We decode none.

    The response then says so, whatever it is (`Accept-Encoding`, §15.5.16).
    """
    shown = request.headers.getlist("content-encoding")
    if not shown or all(coding.strip() in ("", "identity") for coding in ",".join(shown).lower().split(",")):
        return False
    outgoing_of(request).fields["Accept-Encoding"] = "identity"
    return True


def _is_form_in_utf_8(content_type: str) -> bool:
    media_type, *options = (part.strip().lower() for part in content_type.split(";"))
    charsets = [option.removeprefix("charset=").strip('"') for option in options if option.startswith("charset=")]
    return media_type == MEDIA_TYPE and all(charset == "utf-8" for charset in charsets)


@dataclass(frozen=True)
class RefusalParts(Given):
    counts: RequestCounts


def render_oauth_error(request: Request, refusal: OAuthError) -> Response:
    """The refusal as JSON (RFC 6749 §5.2). Every 401 names an authentication scheme (RFC 9110 §11.6.1)."""
    _log.info("refused", error=refusal.error, reason=refusal.reason or refusal.description)
    given(request, RefusalParts).counts.oauth_refusals.add(
        getattr(request.scope.get("route"), "path", ""), refusal.error
    )
    headers = NO_STORE | ({"WWW-Authenticate": 'Basic realm="oauth", charset="UTF-8"'} if refusal.status == 401 else {})
    return JSONResponse({"error": refusal.error, "error_description": refusal.description}, refusal.status, headers)


def document_form(schema: dict[str, Any]) -> dict[str, Any]:
    """The request body for the OpenAPI document. FastAPI does not know it, as the endpoint reads the body itself."""
    return {"requestBody": {"required": True, "content": {MEDIA_TYPE: {"schema": schema}}}}


def document_clients_form(required: str | None, properties: dict[str, Any]) -> dict[str, Any]:
    """The same, with the fields by which a client may authenticate (RFC 6749 §2.3.1, RFC 7523 §2.2)."""
    names = ("client_id", "client_secret", "client_assertion", "client_assertion_type")
    shown = {**properties, **{name: {"type": "string"} for name in names}}
    needed = {} if required is None else {"required": [required]}
    return document_form({"type": "object", **needed, "properties": shown})


TOKEN_FORM = document_clients_form("token", {"token": {"type": "string"}, "token_type_hint": {"type": "string"}})
REFUSALS: dict[int | str, dict[str, Any]] = {status: {"model": OAuthErrorBody} for status in (400, 401, 413, 415, 429)}
