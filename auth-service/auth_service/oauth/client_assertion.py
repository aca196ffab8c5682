"""Client assertions (RFC 7523 §2.2 and §3): parsed and checked, except for the signature."""

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from .jwk import encode_base64url
from .strict_json import parse_object

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ("RS256", "PS256", "ES256")  # that a client may sign with
TYPES = ("jwt", "client-authentication+jwt")
MAX_LENGTH = 8192  # characters of the whole assertion
MAX_AGE = timedelta(minutes=5)  # the furthest that `exp` may lie ahead, before leeway
LEEWAY = timedelta(seconds=60)
MAX_JTI_LENGTH = 256
MAX_KID_LENGTH = 256
_MAX_TIME = 2**40  # seconds since 1970; `datetime` cannot represent later times


class InvalidAssertion(Exception):
    """The reason, for the log. It quotes nothing from the assertion."""


@dataclass(frozen=True)
class ClientAssertion:
    """The content of an assertion. Trust none of it before `signature` is verified over `signing_input`."""

    alg: str
    kid: str | None
    client_id: str
    jti: str
    expires_at: datetime  # includes the leeway; `jti` is remembered until then, against replay
    signing_input: bytes
    signature: bytes


def read_client_id(assertion: str) -> str:
    """The unverified client_id of the assertion, for requests without a client_id parameter.

    Raises:
        InvalidAssertion
    """
    claims = _object(_split(assertion)[1])
    return _text(claims, "sub", MAX_KID_LENGTH)


def parse(assertion: str, *, audiences: Sequence[str], now: datetime) -> ClientAssertion:
    """Parse the assertion and check everything that needs no key (RFC 7523 §3).

    `aud` must be one of `audiences` alone: the issuer, which no other server can claim as its own, and only if an
    operator says so the token endpoint's URL.

    Raises:
        InvalidAssertion
    """
    header_segment, payload_segment, signature_segment = _split(assertion)
    header, claims = _object(header_segment), _object(payload_segment)
    _check_header(header)
    client_id = _text(claims, "sub", MAX_KID_LENGTH)
    if claims.get("iss") != client_id:
        raise InvalidAssertion("iss and sub must both be the client_id")
    if not any(claims.get("aud") in (audience, [audience]) for audience in audiences):
        raise InvalidAssertion(f"aud must be {' or '.join(audiences)}")
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
    """Split a compact JWS into its three segments (RFC 7515 §3.1)."""
    segments = assertion.split(".")
    if len(assertion) > MAX_LENGTH or not assertion.isascii() or len(segments) != 3:
        raise InvalidAssertion("not a JWT, or too long")
    return segments[0], segments[1], segments[2]


def _decode(segment: str) -> bytes:
    """Decode base64url (RFC 7515 §2). Encoding the result again must give the same text: one spelling only."""
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
    """Check the header. `jwk`, `jku` and the like are ignored: only registered keys count (RFC 8725 §3.10)."""
    if header.get("alg") not in ALGORITHMS:
        raise InvalidAssertion(f"alg must be one of {', '.join(ALGORITHMS)}")
    if "crit" in header or "b64" in header:  # RFC 7515 §4.1.11: no extension is supported
        raise InvalidAssertion("it needs an extension (crit or b64)")
    typ = header.get("typ", "JWT")
    if not isinstance(typ, str) or typ.lower().removeprefix("application/") not in TYPES:
        # an access token must not authenticate a client
        raise InvalidAssertion("typ must be JWT or client-authentication+jwt")
    if "kid" in header:
        _text(header, "kid", MAX_KID_LENGTH)


def _check_times(claims: Mapping[str, Any], now: datetime) -> datetime:
    """Check the times and return the expiry with leeway (RFC 7523 §3, items 4 to 6).

    The lifetime is bounded: a leaked assertion is usable, and its `jti` is stored, until it expires.
    """
    expires_at = _time(claims, "exp") + LEEWAY
    if expires_at <= now:
        raise InvalidAssertion("exp has passed")
    if expires_at > now + MAX_AGE + 2 * LEEWAY:
        raise InvalidAssertion(f"exp must be at most {MAX_AGE.total_seconds():.0f} seconds ahead")
    for name in ("nbf", "iat"):
        if name in claims and _time(claims, name) > now + LEEWAY:
            raise InvalidAssertion(f"{name} is in the future")
    return expires_at


def _time(claims: Mapping[str, Any], name: str) -> datetime:
    """The claim as a time. It must be a NumericDate (RFC 7519 §2): a number, not a string of digits."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _MAX_TIME:
        raise InvalidAssertion(f"{name} is missing or not a time")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise InvalidAssertion(f"{name} is not a time") from None


def _text(members: Mapping[str, Any], name: str, max_length: int) -> str:
    value = members.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= max_length:
        raise InvalidAssertion(f"{name} must be a string of at most {max_length} characters")
    return value
