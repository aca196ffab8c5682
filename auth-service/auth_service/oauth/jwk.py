"""Public keys as JSON Web Keys (RFC 7517), named by their thumbprint (RFC 7638)."""

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping

from .algorithms import ES256, RS256

P256_OCTETS = 32  # of each coordinate of a point on P-256


def encode_base64url(octets: bytes) -> str:
    """Base64url without padding (RFC 7515 §2)."""
    return urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def encode_integer(value: int) -> str:
    """Base64urlUInt: big-endian, in the fewest octets (RFC 7518 §2)."""
    return encode_base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def thumbprint(required: Mapping[str, str]) -> str:
    """The SHA-256 thumbprint of a key: its required members, sorted, without white space (RFC 7638 §3)."""
    canonical = json.dumps(dict(required), separators=(",", ":"), sort_keys=True)
    return encode_base64url(hashlib.sha256(canonical.encode("ascii")).digest())


def rsa_signing_key(modulus: int, exponent: int, *, alg: str = RS256) -> dict[str, str]:
    """The public JWK of a key that signs with RS256 or PS256."""
    return _signing_key({"kty": "RSA", "n": encode_integer(modulus), "e": encode_integer(exponent)}, alg)


def ec_signing_key(x: int, y: int) -> dict[str, str]:
    """The public JWK of a key on P-256. Coordinates have 32 octets, leading zeros too (RFC 7518 §6.2.1.2)."""
    coordinates = {name: encode_base64url(value.to_bytes(P256_OCTETS, "big")) for name, value in (("x", x), ("y", y))}
    return _signing_key({"kty": "EC", "crv": "P-256", **coordinates}, ES256)


def _signing_key(required: Mapping[str, str], alg: str) -> dict[str, str]:
    return {"use": "sig", "alg": alg, "kid": thumbprint(required), **required}
