"""JWTs that clients sign, in compact form (RFC 7515 §3.1): split, decoded strictly, and read claim by claim.

Nothing here verifies a signature.
"""

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from .jwk import encode_base64url
from .strict_json import parse_object

MAX_LENGTH = 8192  # characters
_MAX_TIME = 2**40  # seconds since 1970; `datetime` cannot represent later times


class InvalidJwt(Exception):
    """The reason, for the log and for the client's developer. It quotes nothing from the JWT."""


class SignedJwt(Protocol):
    """What a signature needs to be verified."""

    @property
    def alg(self) -> str: ...

    @property
    def kid(self) -> str | None: ...

    @property
    def signing_input(self) -> bytes: ...

    @property
    def signature(self) -> bytes: ...


def split(text: str, *, max_length: int = MAX_LENGTH) -> tuple[str, str, str]:
    """The three segments: header, payload and signature."""
    segments = text.split(".", 3) if len(text) <= max_length and text.isascii() else []
    if len(segments) != 3:
        raise InvalidJwt("not a JWT, or too long")
    return segments[0], segments[1], segments[2]


def decode(segment: str) -> bytes:
    """Decode base64url (RFC 7515 §2). Encoding the result again must give the same text: one spelling only."""
    try:
        decoded = urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except (binascii.Error, ValueError):
        raise InvalidJwt("a segment is not base64url") from None
    if encode_base64url(decoded) != segment:
        raise InvalidJwt("a segment is not base64url")
    return decoded


def read_object(segment: str) -> Mapping[str, Any]:
    try:
        return parse_object(decode(segment))
    except ValueError as error:
        raise InvalidJwt(f"a segment is {error}") from None


def read_type(header: Mapping[str, Any], default: str) -> str:
    """The `typ` in lower case, without `application/` (RFC 7515 §4.1.9). Raises InvalidJwt for an extension.

    No extension is supported (§4.1.11).
    """
    if "crit" in header or "b64" in header:
        raise InvalidJwt("it needs an extension (crit or b64)")
    typ = header.get("typ", default)
    return typ.lower().removeprefix("application/") if isinstance(typ, str) else ""


def read_time(claims: Mapping[str, Any], name: str) -> datetime:
    """The claim as a time. It must be a NumericDate (RFC 7519 §2): a number, not a string of digits."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _MAX_TIME:
        raise InvalidJwt(f"{name} is missing or not a time")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise InvalidJwt(f"{name} is not a time") from None


def read_text(members: Mapping[str, Any], name: str, max_length: int) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= max_length:
        raise InvalidJwt(f"{name} must be a string of at most {max_length} characters")
    return value
