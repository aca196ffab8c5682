"""Client assertions (RFC 7523 §2.2 and §3): parsed and checked, except for the signature."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from . import compact_jwt
from .compact_jwt import InvalidJwt

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ALGORITHMS = ("RS256", "PS256", "ES256")  # that a client may sign with
TYPES = ("jwt", "client-authentication+jwt")
MAX_AGE = timedelta(minutes=5)  # the furthest that `exp` may lie ahead, before leeway
LEEWAY = timedelta(seconds=60)
MAX_JTI_LENGTH = 256
MAX_KID_LENGTH = 256


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
        InvalidJwt
    """
    claims = compact_jwt.read_object(compact_jwt.split(assertion)[1])
    return compact_jwt.read_text(claims, "sub", MAX_KID_LENGTH)


def parse(
    assertion: str,
    *,
    audiences: Sequence[str],
    algorithms: Sequence[str] = ALGORITHMS,
    takes_list: bool = True,
    now: datetime,
) -> ClientAssertion:
    """Parse the assertion and check everything that needs no key (RFC 7523 §3).

    `aud` must be one of `audiences` alone: the issuer, which no other server can claim as its own, and only if an
    operator says so the token endpoint's URL.

    Args:
        takes_list: whether `aud` may be a list of that one value.

    Raises:
        InvalidJwt
    """
    header_segment, payload_segment, signature_segment = compact_jwt.split(assertion)
    header, claims = compact_jwt.read_object(header_segment), compact_jwt.read_object(payload_segment)
    _check_header(header, algorithms)
    client_id = compact_jwt.read_text(claims, "sub", MAX_KID_LENGTH)
    if claims.get("iss") != client_id:
        raise InvalidJwt("iss and sub must both be the client_id")
    accepted = [*audiences, *([audience] for audience in audiences if takes_list)]
    if claims.get("aud") not in accepted:
        raise InvalidJwt(f"aud must be {' or '.join(audiences)}")
    return ClientAssertion(
        alg=header["alg"],
        kid=header.get("kid"),
        client_id=client_id,
        jti=compact_jwt.read_text(claims, "jti", MAX_JTI_LENGTH),
        expires_at=_check_times(claims, now),
        signing_input=f"{header_segment}.{payload_segment}".encode(),
        signature=compact_jwt.decode(signature_segment),
    )


def _check_header(header: Mapping[str, Any], algorithms: Sequence[str]) -> None:
    """Check the header. `jwk`, `jku` and the like are ignored: only registered keys count (RFC 8725 §3.10)."""
    if header.get("alg") not in algorithms:
        raise InvalidJwt(f"alg must be one of {', '.join(algorithms)}")
    if compact_jwt.read_type(header, "JWT") not in TYPES:
        # an access token must not authenticate a client
        raise InvalidJwt("typ must be JWT or client-authentication+jwt")
    if "kid" in header:
        compact_jwt.read_text(header, "kid", MAX_KID_LENGTH)


def _check_times(claims: Mapping[str, Any], now: datetime) -> datetime:
    """Check the times and return the expiry with leeway (RFC 7523 §3, items 4 to 6).

    The lifetime is bounded: a leaked assertion is usable, and its `jti` is stored, until it expires.
    """
    expires_at = compact_jwt.read_time(claims, "exp") + LEEWAY
    if expires_at <= now:
        raise InvalidJwt("exp has passed")
    if expires_at > now + MAX_AGE + 2 * LEEWAY:
        raise InvalidJwt(f"exp must be at most {MAX_AGE.total_seconds():.0f} seconds ahead")
    for name in ("nbf", "iat"):
        if name in claims and compact_jwt.read_time(claims, name) > now + LEEWAY:
            raise InvalidJwt(f"{name} is in the future")
    return expires_at
