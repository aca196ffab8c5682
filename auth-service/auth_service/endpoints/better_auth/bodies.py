"""Request bodies. They are read without FastAPI, as this protocol has its own order of checks and its own messages.

The media type and the syntax are checked first, then the origin, then the members, and the session last. So a forged
request learns nothing about its members. Better Auth's own server has the same order.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar
from urllib.parse import parse_qsl

from fastapi import Request
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from ...http.oauth_requests import is_encoded
from ...http.parts import Given
from ...network.trusted_origins import TrustedOrigins
from ...oauth.strict_json import has_more_values
from .cross_site import check_origin, check_redirects
from .refusals import Refusal, RefusalBody

MAX_BODY_SIZE = 64 * 1024  # octets
MAX_VALUES = 200  # members and elements of a body; the largest of the protocol has a few dozen
JSON, FORM = "application/json", "application/x-www-form-urlencoded"


class Body(BaseModel):
    """Members of a JSON object; unknown ones are ignored, because client plugins add their own."""

    model_config = ConfigDict(strict=True, extra="ignore", alias_generator=to_camel)


class NoMembers(Body):
    """A body whose members are all ignored."""


B = TypeVar("B", bound=Body)


@dataclass(frozen=True)
class BodyParts(Given):
    issuer: str
    trusted_origins: TrustedOrigins


async def receive(request: Request, model: type[B], parts: BodyParts, *, starts_session: bool = False) -> B:
    """Check everything that is checked before the session, and return the body.

    Only a request that starts a session may be sent as a form instead of JSON, as in the protocol.

    Raises:
        Refusal: 400, 403, 413 or 415.
    """
    members = await _read_object(request, takes_form=starts_session)
    check_origin(request, parts.trusted_origins, parts.issuer, starts_session=starts_session)
    if members is None and not model.model_fields:
        members = {}
    check_redirects(request.query_params, parts.trusted_origins)
    if isinstance(members, dict):
        check_redirects(members, parts.trusted_origins)
    try:
        return model.model_validate(members)
    except ValidationError as error:
        raise Refusal(400, "VALIDATION_ERROR", _describe(error, model)) from None


def document(model: type[Body], *, starts_session: bool = False) -> dict[str, Any]:
    """The request body for the OpenAPI document. FastAPI does not know it, as the endpoint reads the body itself."""
    schema = model.model_json_schema()
    types = (JSON, FORM) if starts_session else (JSON,)
    required = bool(schema.get("required"))
    return {"requestBody": {"required": required, "content": {media_type: {"schema": schema} for media_type in types}}}


def refuses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The refusals of a route for the OpenAPI document."""
    return {status: {"model": RefusalBody} for status in statuses}


BODY_REFUSALS = (400, 403, 413, 415)


async def _read_object(request: Request, *, takes_form: bool) -> object:
    octets = await _read(request)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not octets and not media_type:
        return None
    allowed = (JSON, FORM) if takes_form else (JSON,)
    if media_type not in allowed:
        shown = media_type if media_type.isascii() and media_type.isprintable() else ""
        raise Refusal(
            415,
            "UNSUPPORTED_MEDIA_TYPE",
            f'Content-Type "{shown[:80]}" is not allowed. Allowed types: {", ".join(allowed)}',
        )
    return _parse_json(octets) if media_type == JSON else _parse_form(octets)


async def _read(request: Request) -> bytes:
    if is_encoded(request):
        raise Refusal(415, "UNSUPPORTED_MEDIA_TYPE", "Content-Encoding is not allowed")
    octets = b""
    async for chunk in request.stream():
        octets += chunk
        if len(octets) > MAX_BODY_SIZE:
            raise Refusal(413, "PAYLOAD_TOO_LARGE", f"Request body is larger than {MAX_BODY_SIZE} bytes")
    return octets


def _parse_json(octets: bytes) -> object:
    if has_more_values(octets, MAX_VALUES):
        raise Refusal(400, "BAD_REQUEST", "Too many members in request body")
    try:
        value = json.loads(octets.decode(), parse_constant=_refuse_constant) if octets.strip() else None
        json.dumps(value, ensure_ascii=False).encode()  # raises for a lone surrogate, which no database can store
    except (ValueError, RecursionError):
        raise Refusal(400, "BAD_REQUEST", "Invalid JSON in request body") from None
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _parse_form(octets: bytes) -> object:
    try:
        pairs = parse_qsl(
            octets.decode(), keep_blank_values=True, strict_parsing=bool(octets), errors="strict", max_num_fields=50
        )
    except ValueError:
        raise Refusal(400, "BAD_REQUEST", "Invalid form in request body") from None
    members: dict[str, object] = dict(pairs)
    if members.get("rememberMe") in ("true", "false"):
        members["rememberMe"] = members["rememberMe"] == "true"
    return members


_RECEIVED: Mapping[type, str] = {
    type(None): "null",
    bool: "boolean",
    int: "number",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
}


def _describe(error: ValidationError, model: type[Body]) -> str:
    properties = model.model_json_schema()["properties"]
    return "; ".join(_describe_one(dict(detail), properties) for detail in error.errors(include_url=False))


def _describe_one(detail: dict[str, Any], properties: dict[str, Any]) -> str:
    """One error, worded as by the validator of Better Auth's own server: applications show the text to people."""
    path = ".".join(["body", *map(str, detail["loc"])])
    given = detail["input"]
    if not detail["loc"]:
        received = "undefined" if given is None else _RECEIVED.get(type(given), "unknown")
        return f"[{path}] Invalid input: expected object, received {received}"
    schema = properties.get(detail["loc"][0], {})
    if detail["type"] == "missing":
        return f"[{path}] Invalid input: expected {schema.get('type', 'value')}, received undefined"
    if detail["type"].endswith("_type"):
        received = _RECEIVED.get(type(given), "unknown")
        return f"[{path}] Invalid input: expected {schema.get('type', 'value')}, received {received}"
    if detail["type"] == "string_too_short":
        return f"[{path}] Too small: expected string to have >={detail['ctx']['min_length']} characters"
    if detail["type"] == "string_too_long":
        return f"[{path}] Too big: expected string to have <={detail['ctx']['max_length']} characters"
    if detail["type"] == "value_error":  # raised by a check of ours
        return f"[{path}] Invalid string: {detail['ctx']['error']}"
    return f"[{path}] Invalid string: must not contain control characters"
