"""Signing of JWTs: compact serialization (RFC 7515 §3.1, RFC 7519 §7.1) with RS256, PS256 or ES256 (RFC 7518 §3).

The algorithms are PyJWT's: PS256 with a salt as long as the hash (§3.5), an ES256 signature of 64 octets (§3.4).
`jwt.encode` is not used: for each token it makes two JSON encoders and the protected header anew. Here the header is
made once and the claims are written by pydantic's encoder, so that a token costs little more than its signature.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1
from jwt.algorithms import Algorithm, ECAlgorithm, RSAAlgorithm, RSAPSSAlgorithm
from jwt.utils import base64url_encode
from pydantic_core import to_json

from ..oauth.algorithms import ES256, PS256, RS256
from .pairs import PrivateKey

_ALGORITHMS: Mapping[str, Algorithm] = {
    RS256: RSAAlgorithm(RSAAlgorithm.SHA256),
    PS256: RSAPSSAlgorithm(RSAPSSAlgorithm.SHA256),
    ES256: ECAlgorithm(ECAlgorithm.SHA256, SECP256R1),
}
_HEADERS = 64  # cached headers: kinds of tokens, times algorithms, times the keys of some rotations


@dataclass(frozen=True)
class Signer:
    """A private key with the only algorithm that it is for (RFC 8725 §3.1), and the `kid` that it is published by."""

    alg: str
    kid: str
    key: PrivateKey


def sign(claims: Mapping[str, Any], *, typ: str, by: Signer) -> str:
    signed = _protected_header(typ, by.alg, by.kid) + b"." + _encode(claims)
    return (signed + b"." + base64url_encode(_ALGORITHMS[by.alg].sign(signed, by.key))).decode("ascii")


@lru_cache(maxsize=_HEADERS)
def _protected_header(typ: str, alg: str, kid: str) -> bytes:
    return _encode({"alg": alg, "kid": kid, "typ": typ})


def _encode(members: Mapping[str, Any]) -> bytes:
    """JSON in ASCII, because some clients decode a name's octets as Latin-1, in base64url."""
    return base64url_encode(to_json(dict(members), ensure_ascii=True))
