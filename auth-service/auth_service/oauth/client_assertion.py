"""Assertions by which clients authenticate (RFC 7523 §2.2 and §3), taken apart and checked, but for the signature."""

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from .jwk import encode_base64url
from .strict_json import parse_object

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ("RS256", "PS256", "ES256")
TYPES = ("jwt", "client-authentication+jwt")
MAX_LENGTH = 8192
MAX_AGE = timedelta(minutes=5)  # how far ahead it may expire
LEEWAY = timedelta(seconds=60)
MAX_JTI_LENGTH = 256
MAX_KID_LENGTH = 256
_MAX_TIME = 2**40  # seconds; beyond it there are no dates


class InvalidAssertion(Exception):
    """Why, in words for the log: nothing of the assertion is repeated."""


@dataclass(frozen=True)
class ClientAssertion:
    """What an assertion says. Nothing of it is true before `signature` is verified over `signing_input`."""

    alg: str
    kid: str | None
    client_id: str
    jti: str
    expires_at: datetime  # leeway included: until then the same one could be shown again
    signing_input: bytes
    signature: bytes


def read_client_id(assertion: str) -> str:
    """Whose assertion it says that it is, for who has not been told otherwise. Raises InvalidAssertion."""
    claims = _object(_split(assertion)[1])
    return _text(claims, "sub", MAX_KID_LENGTH)


def parse(assertion: str, *, issuer: str, now: datetime) -> ClientAssertion:
    """Check everything that needs no key (RFC 7523 §3).

    The audience is the issuer and nothing else: an assertion made out to another server, or to a URL that another
    server could claim, would open this one.

    Raises:
        InvalidAssertion
    """
    header_segment, payload_segment, signature_segment = _split(assertion)
    header, claims = _object(header_segment), _object(payload_segment)
    _check_header(header)
    client_id = _text(claims, "sub", MAX_KID_LENGTH)
    if claims.get("iss") != client_id:
        raise InvalidAssertion("iss is not sub")
    if claims.get("aud") not in (issuer, [issuer]):
        raise InvalidAssertion("made out to another audience")
    return ClientAssertion(
        alg=header["alg"],
        kid=header.get("kid"),
        client_id=client_id,
        jti=_text(claims, "jti", MAX_JTI_LENGTH),
        expires_at=_check_times(claims, now),
        signing_input=f"{header_segment}.{payload_segment}".encode(),
        signature=_decode(signature_segment),
    )


def _split(assertion: str) -> tuple[str, str, str]:
    """Take a compact JWS apart (RFC 7515 §3.1)."""
    segments = assertion.split(".")
    if len(assertion) > MAX_LENGTH or not assertion.isascii() or len(segments) != 3:
        raise InvalidAssertion("not a JWT, or too long")
    return segments[0], segments[1], segments[2]


def _decode(segment: str) -> bytes:
    """Decode base64url as RFC 7515 §2 writes it; encoding it again proves that there is one spelling only."""
    try:
        decoded = urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
    except (binascii.Error, ValueError):
        raise InvalidAssertion("a segment is not base64url") from None
    if encode_base64url(decoded) != segment:
        raise InvalidAssertion("a segment is not base64url")
    return decoded


def _object(segment: str) -> Mapping[str, Any]:
    try:
        return parse_object(_decode(segment))
    except ValueError as error:
        raise InvalidAssertion(f"a segment is {error}") from None


def _check_header(header: Mapping[str, Any]) -> None:
    """`jwk`, `jku` and the like are not looked at: where keys come from is registered (RFC 8725 §3.10)."""
    if header.get("alg") not in ALGORITHMS:
        raise InvalidAssertion("the algorithm is not supported")
    if "crit" in header or "b64" in header:  # RFC 7515 §4.1.11: we understand no extension
        raise InvalidAssertion("it uses an extension")
    typ = header.get("typ", "JWT")
    if not isinstance(typ, str) or typ.lower().removeprefix("application/") not in TYPES:
        raise InvalidAssertion("it is another kind of token")  # an access token must not authenticate a client
    if "kid" in header:
        _text(header, "kid", MAX_KID_LENGTH)


def _check_times(claims: Mapping[str, Any], now: datetime) -> datetime:
    """RFC 7523 §3, items 4 to 6. A long life would make one leaked assertion, and our memory of it, last as long."""
    expires_at = _time(claims, "exp") + LEEWAY
    if expires_at <= now:
        raise InvalidAssertion("it has expired")
    if expires_at > now + MAX_AGE + 2 * LEEWAY:
        raise InvalidAssertion("it expires too late")
    for name in ("nbf", "iat"):
        if name in claims and _time(claims, name) > now + LEEWAY:
            raise InvalidAssertion(f"{name} lies in the future")
    return expires_at


def _time(claims: Mapping[str, Any], name: str) -> datetime:
    """A NumericDate (RFC 7519 §2): a number, not text that looks like one."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _MAX_TIME:
        raise InvalidAssertion(f"{name} is missing or no time")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise InvalidAssertion(f"{name} is no time") from None


def _text(members: Mapping[str, Any], name: str, max_length: int) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= max_length:
        raise InvalidAssertion(f"{name} is missing, too long or no text")
    return value
