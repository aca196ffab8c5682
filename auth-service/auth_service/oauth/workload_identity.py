"""Workload identities: a client proves itself by the token that its platform gives it (RFC 7523 §2.2, §3).

A Kubernetes cluster, GitHub Actions or any OpenID issuer signs a token for each workload, so that no secret has to be
stored there. The operator registers whose token it is: issuer, subject and audience, each to the letter.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from . import compact_jwt
from .client_assertion import ALGORITHMS, LEEWAY, MAX_KID_LENGTH
from .compact_jwt import InvalidJwt
from .errors import InvalidClientMetadata

MAX_LENGTH = 1024  # characters of each member
MAX_AGE = timedelta(hours=1)  # a token that lives longer is refused
_MEMBERS = ("issuer", "subject", "audience")
_SHAPE = 'workload: must be an object with "issuer", "subject" and "audience", each a text.'


@dataclass(frozen=True)
class Workload:
    issuer: str
    subject: str
    audience: str

    def members(self) -> dict[str, str]:
        return {"issuer": self.issuer, "subject": self.subject, "audience": self.audience}

    @classmethod
    def restore(cls, members: Mapping[str, str] | None) -> Self | None:
        return None if members is None else cls(**members)


@dataclass(frozen=True)
class PlatformToken:
    """A platform's token. Trust none of it before `signature` is verified over `signing_input`."""

    alg: str
    kid: str | None
    signing_input: bytes
    signature: bytes


def read(value: object, *, own_issuer: str) -> Workload | None:
    """The member `workload` of a client's metadata.

    Our own issuer is refused: each of our ID tokens would be a credential.

    Raises:
        InvalidClientMetadata
    """
    if value is None:
        return None
    if not isinstance(value, dict) or value.keys() != set(_MEMBERS) or not all(map(_is_text, value.values())):
        raise InvalidClientMetadata(_SHAPE)
    if not value["issuer"].startswith("https://") or value["issuer"].rstrip("/") == own_issuer:
        raise InvalidClientMetadata("workload: issuer must be an https URI, and not this issuer.")
    return Workload(**value)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_LENGTH and value.isprintable()


def parse(text: str, workload: Workload, *, now: datetime) -> PlatformToken:
    """Parse the token and check everything that needs no key. It may come again until it expires.

    `aud` is the one registered, alone: with a token for several, each of these could pose as the workload.

    Raises:
        InvalidJwt
    """
    header_segment, payload_segment, signature_segment = compact_jwt.split(text)
    header, claims = compact_jwt.read_object(header_segment), compact_jwt.read_object(payload_segment)
    if header.get("alg") not in ALGORITHMS:
        raise InvalidJwt(f"alg must be one of {', '.join(ALGORITHMS)}")
    if compact_jwt.read_type(header, "JWT") != "jwt":
        raise InvalidJwt("typ must be JWT")
    if "kid" in header:
        compact_jwt.read_text(header, "kid", MAX_KID_LENGTH)
    for name, registered in (("iss", workload.issuer), ("sub", workload.subject)):
        if claims.get(name) != registered:
            raise InvalidJwt(f"{name} must be the registered one, to the letter")
    if claims.get("aud") not in (workload.audience, [workload.audience]):
        raise InvalidJwt("aud must be the registered one alone, to the letter")
    _check_times(claims, now)
    return PlatformToken(
        header["alg"],
        header.get("kid"),
        f"{header_segment}.{payload_segment}".encode(),
        compact_jwt.decode(signature_segment),
    )


def _check_times(claims: Mapping[str, Any], now: datetime) -> None:
    expires_at, issued_at = compact_jwt.read_time(claims, "exp"), compact_jwt.read_time(claims, "iat")
    if expires_at + LEEWAY <= now:
        raise InvalidJwt("exp has passed")
    if expires_at - issued_at > MAX_AGE + LEEWAY:
        raise InvalidJwt(f"it must live for {MAX_AGE.total_seconds():.0f} seconds at most")
    for name in ("nbf", "iat"):
        if name in claims and compact_jwt.read_time(claims, name) > now + LEEWAY:
            raise InvalidJwt(f"{name} is in the future")
