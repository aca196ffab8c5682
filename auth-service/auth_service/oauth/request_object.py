"""Request objects (RFC 9101): a request as a JWT that its client signed; checked except for the signature."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from . import compact_jwt
from .compact_jwt import InvalidJwt
from .parameters import Parameters

TYPES = ("oauth-authz-req+jwt", "jwt")
MAX_LENGTH = 32 * 1024  # characters
MAX_AGE = timedelta(hours=1)  # the furthest that `exp` may lie ahead, before leeway
LEEWAY = timedelta(seconds=60)
MAX_KID_LENGTH = 256
MAX_PARAMETERS = 64
# Claims about the JWT itself. All others are parameters of the request.
_OF_THE_JWT = frozenset({"iss", "aud", "exp", "nbf", "iat", "jti"})


@dataclass(frozen=True)
class RequestObject:
    """The content of a request object. Trust none of it before `signature` is verified over `signing_input`."""

    alg: str
    kid: str | None
    parameters: Parameters
    signing_input: bytes
    signature: bytes


def parse(text: str, *, client_id: str, alg: str, issuer: str, now: datetime) -> RequestObject:
    """Parse a request object and check everything that needs no key (§4, §6, §10.8).

    Args:
        client_id: of the request that it came with, or of the client that authenticated.
        alg: the only algorithm that its client registered.

    Raises:
        InvalidJwt
    """
    header_segment, payload_segment, signature_segment = compact_jwt.split(text, max_length=MAX_LENGTH)
    header, claims = compact_jwt.read_object(header_segment), compact_jwt.read_object(payload_segment)
    if header.get("alg") != alg:
        raise InvalidJwt(f"alg must be {alg}, as the client registered")
    if compact_jwt.read_type(header, "JWT") not in TYPES:
        raise InvalidJwt("typ must be oauth-authz-req+jwt or JWT")
    kid = compact_jwt.read_text(header, "kid", MAX_KID_LENGTH) if "kid" in header else None
    if claims.get("iss") != client_id or claims.get("client_id") != client_id:
        raise InvalidJwt("iss and client_id must be the client_id of the request")
    if "sub" in claims:  # it could be taken for a client assertion (§10.8)
        raise InvalidJwt("it must have no sub")
    if claims.get("aud") not in (issuer, [issuer]):
        raise InvalidJwt(f"aud must be {issuer}")
    if not {"request", "request_uri"}.isdisjoint(claims):
        raise InvalidJwt("it must not hold request or request_uri")
    _check_times(claims, now)
    return RequestObject(
        alg=alg,
        kid=kid,
        parameters=_parameters(claims),
        signing_input=f"{header_segment}.{payload_segment}".encode(),
        signature=compact_jwt.decode(signature_segment),
    )


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    expires_at = compact_jwt.read_time(claims, "exp")
    if expires_at + LEEWAY <= now:
        raise InvalidJwt("exp has passed")
    if expires_at > now + MAX_AGE + LEEWAY:
        raise InvalidJwt(f"exp must be at most {MAX_AGE.total_seconds():.0f} seconds ahead")
    for name in ("nbf", "iat"):
        if name in claims and compact_jwt.read_time(claims, name) > now + LEEWAY:
            raise InvalidJwt(f"{name} is in the future")


def _parameters(claims: Mapping[str, Any]) -> Parameters:
    """The parameters, as a form would have them: max_age may be a number, claims an object, resource a list."""
    named = {name: value for name, value in claims.items() if name not in _OF_THE_JWT and value not in (None, "")}
    if len(named) > MAX_PARAMETERS:
        raise InvalidJwt("it has too many parameters")
    return Parameters({name: _values(name, value) for name, value in named.items()})


def _values(name: str, value: object) -> tuple[str, ...]:
    if name == "claims" and isinstance(value, dict):
        return (json.dumps(value),)
    if name == "max_age" and isinstance(value, int) and not isinstance(value, bool):
        return (str(value),)
    texts = tuple(value) if name == "resource" and isinstance(value, list) else (value,)
    if not all(isinstance(text, str) and "\0" not in text for text in texts):
        raise InvalidJwt("a parameter is no text")
    return texts
