"""DPoP proofs (RFC 9449 §4): parsed and checked, except for the signature, the nonce and whether it was used before."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, Final
from urllib.parse import urlsplit

from . import compact_jwt
from .compact_jwt import InvalidJwt
from .jwk import encode_base64url, thumbprint

ALGORITHMS = ("ES256", "PS256", "RS256")
TYP = "dpop+jwt"
TOKEN_TYPE: Final = "DPoP"  # noqa: S105 - the name of a type
HEADER = "DPoP"
MAX_LENGTH = 4096  # characters of the whole proof
MAX_AGE = timedelta(seconds=60)  # of `iat`, before leeway
LEEWAY = timedelta(seconds=60)  # for clocks that differ, in both directions
MAX_JTI_LENGTH = 256
MAX_NONCE_LENGTH = 256
MAX_HTU_LENGTH = 2048
HEADERS = 1024  # that are remembered, of at most MAX_LENGTH characters
_REQUIRED = {"EC": ("crv", "kty", "x", "y"), "RSA": ("e", "kty", "n")}  # of a thumbprint (RFC 7638 §3.2)
_JKT = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, eq=False)
class ProofHeader:
    """What the header says. A client's proofs have the same header, so it is read once, and is then the same object."""

    alg: str
    jwk: Mapping[str, Any]
    jkt: str  # the thumbprint of the key: what tokens are bound to


@dataclass(frozen=True)
class DPoPProof:
    """The content of a proof. Trust none before `signature` is verified over `signing_input` by its header's key."""

    header: ProofHeader
    jti: str
    nonce: str | None
    expires_at: datetime  # until then the same proof could be shown again, so `jti` is remembered
    signing_input: bytes
    signature: bytes

    @property
    def alg(self) -> str:
        return self.header.alg

    @property
    def jkt(self) -> str:
        return self.header.jkt


def is_jkt(text: str) -> bool:
    """Whether the text may be a key's SHA-256 thumbprint (§10)."""
    return _JKT.fullmatch(text) is not None


def parse(text: str, *, method: str, url: str, access_token: str | None = None, now: datetime) -> DPoPProof:
    """Parse a proof and check everything that needs no key (§4.3).

    Args:
        url: the request's, from the configured origin: no header decides what `htu` has to be.
        access_token: the token that the proof comes with at a resource, which `ath` has to name.

    Raises:
        InvalidJwt
    """
    header_segment, payload_segment, signature_segment = compact_jwt.split(text, max_length=MAX_LENGTH)
    header, claims = _read_header(header_segment), compact_jwt.read_object(payload_segment)
    jti = compact_jwt.read_text(claims, "jti", MAX_JTI_LENGTH)
    if claims.get("htm") != method:
        raise InvalidJwt(f"htm must be {method}")
    htu = compact_jwt.read_text(claims, "htu", MAX_HTU_LENGTH)
    if htu != url and _normalized(htu) != url:
        raise InvalidJwt(f"htu must be {url}")
    _check_access_token(claims, access_token)
    return DPoPProof(
        header=header,
        jti=jti,
        nonce=compact_jwt.read_text(claims, "nonce", MAX_NONCE_LENGTH) if "nonce" in claims else None,
        expires_at=_check_time(claims, now),
        signing_input=f"{header_segment}.{payload_segment}".encode(),
        signature=compact_jwt.decode(signature_segment),
    )


@lru_cache(HEADERS)
def _read_header(segment: str) -> ProofHeader:
    header = compact_jwt.read_object(segment)
    if compact_jwt.read_type(header, "") != TYP:
        raise InvalidJwt(f"typ must be {TYP}")
    if header.get("alg") not in ALGORITHMS:
        raise InvalidJwt(f"alg must be one of {', '.join(ALGORITHMS)}")
    jwk = header.get("jwk")
    if not isinstance(jwk, dict):
        raise InvalidJwt("jwk must be the public key that signs it")
    return ProofHeader(header["alg"], jwk, _thumbprint(jwk))


def _thumbprint(jwk: Mapping[str, Any]) -> str:
    kty = jwk.get("kty")
    names = _REQUIRED.get(kty, ()) if isinstance(kty, str) else ()
    required = {name: jwk.get(name) for name in names}
    if not required or not all(isinstance(value, str) and value.isascii() for value in required.values()):
        raise InvalidJwt("jwk must be an RSA or EC key")
    return thumbprint(required)  # type: ignore[arg-type]  # all are strings


def _check_time(claims: Mapping[str, Any], now: datetime) -> datetime:
    """Check `iat`, and return when the proof is too old, leeway included."""
    issued_at = compact_jwt.read_time(claims, "iat")
    if issued_at > now + LEEWAY:
        raise InvalidJwt("iat is in the future")
    expires_at = issued_at + MAX_AGE + LEEWAY
    if expires_at <= now:
        raise InvalidJwt(f"iat must be at most {MAX_AGE.total_seconds():.0f} seconds ago")
    return expires_at


def _check_access_token(claims: Mapping[str, Any], access_token: str | None) -> None:
    if access_token is None:
        return
    wanted = encode_base64url(hashlib.sha256(access_token.encode()).digest())
    shown = claims.get("ath")
    if not isinstance(shown, str) or not hmac.compare_digest(shown.encode(), wanted.encode()):
        raise InvalidJwt("ath must be the hash of the access token")


def _normalized(htu: str) -> str:
    """The URI without query and fragment; scheme and host in lower case, no default port (§4.3, RFC 3986 §6.2)."""
    if not htu.isascii() or not htu.isprintable():
        raise InvalidJwt("htu must be a URI")
    try:
        parts = urlsplit(htu)
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
    except ValueError:
        raise InvalidJwt("htu must be a URI") from None
    if "@" in parts.netloc:
        raise InvalidJwt("htu must be a URI without a user")
    host = f"[{host}]" if ":" in host else host
    is_default = port is None or (scheme, port) in (("https", 443), ("http", 80))
    return f"{scheme}://{host}{'' if is_default else f':{port}'}{parts.path}"
