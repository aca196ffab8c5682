"""Request bodies: limited in length, of the right content type, and strict JSON."""

from typing import Any, TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from . import field_errors, strict_json
from .problems import CONTENT_TOO_LARGE, INVALID_FIELDS, INVALID_JSON, UNSUPPORTED_MEDIA_TYPE, Problem

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
MAX_LENGTH = 256 * 1024
MAX_VALUES = 100  # members and elements of a body; a batch may have more
_MAX_DEPTH = 32

Fields = TypeVar("Fields", bound=BaseModel)


def media_type(request: Request) -> str:
    return request.headers.get("Content-Type", "").partition(";")[0].strip().lower()


async def parse(request: Request, fields: type[Fields], accepted: tuple[str, ...]) -> Fields:
    """Read the body as `fields`.

    Raises:
        Problem: 415; 413; 400 if it is not strict JSON, such as with duplicate names; 422 for wrong or unknown members.
    """
    return parse_bytes(await read_as(request, accepted), fields)


async def read_as(request: Request, accepted: tuple[str, ...]) -> bytes:
    """The body, if its content type is among `accepted`; otherwise 415."""
    require_type(request, accepted)
    return await read(request)


def require_type(request: Request, accepted: tuple[str, ...]) -> None:
    """Raises Problem: 415 if the content type is not among `accepted`."""
    if media_type(request) not in accepted:
        names = ", ".join(accepted)
        # RFC 5789 §2.2 for PATCH, RFC 9110 §12.5.1 for the others.
        header = "Accept-Patch" if request.method == "PATCH" else "Accept"
        raise Problem(UNSUPPORTED_MEDIA_TYPE, f"Send the body as {names}.", headers={header: names})


def parse_bytes(body: bytes, fields: type[Fields], *, max_values: int = MAX_VALUES) -> Fields:
    """The body as `fields`. Members are counted first: of each unknown one an error would be made."""
    try:
        value = strict_json.parse(body, max_depth=_MAX_DEPTH, max_values=max_values)
    except strict_json.TooManyValues as error:
        raise Problem(INVALID_FIELDS, f"The body has {error}.") from None
    except ValueError as error:
        raise Problem(INVALID_JSON, f"The body is refused: {error}.") from None
    try:
        return fields.model_validate(value)
    except ValidationError as error:
        raise invalid_fields(error) from None


async def read(request: Request) -> bytes:
    """The body. Raises 415 if it is compressed, and 413 as soon as it is too long."""
    codings = ",".join(request.headers.getlist("Content-Encoding")).lower().split(",")
    if any(coding.strip() not in ("", "identity") for coding in codings):  # RFC 9110 §8.4
        detail = "Send the body as it is, without a content coding."
        raise Problem(UNSUPPORTED_MEDIA_TYPE, detail, headers={"Accept-Encoding": "identity"})  # §15.5.16
    announced = request.headers.get("Content-Length", "0")
    if len(announced) > 10 or int(announced) > MAX_LENGTH:  # the HTTP parser accepts digits only
        raise _too_large()
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_LENGTH:
            raise _too_large()
    return bytes(body)


def _too_large() -> Problem:
    # The rest of the body is not read, so the connection cannot be used again.
    return Problem(CONTENT_TOO_LARGE, f"The body may have at most {MAX_LENGTH} bytes.", headers={"Connection": "close"})


def invalid_fields(error: ValidationError, *, within: str = "", is_tagged: bool = False) -> Problem:
    """The problem that names the wrong members.

    `within` is the pointer of the value that was checked. With `is_tagged` the value is one of several kinds: pydantic
    then puts the name of the kind, which is no member, before the members.
    """
    found: list[dict[str, Any]] = [dict(each) for each in error.errors(include_url=False, include_input=False)]
    if is_tagged:
        found = [{**each, "loc": each["loc"][1:]} for each in found]
    return Problem(INVALID_FIELDS, "See errors.", errors=list(field_errors.of_members(found, within=within)))
