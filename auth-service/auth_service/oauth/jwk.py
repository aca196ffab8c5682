"""RSA public keys as JSON Web Keys (RFC 7517), named by their thumbprint (RFC 7638)."""

import hashlib
import json
from base64 import urlsafe_b64encode


def encode_base64url(octets: bytes) -> str:
    """Base64url without padding (RFC 7515 §2)."""
    return urlsafe_b64encode(octets).rstrip(b"=").decode("ascii")


def encode_integer(value: int) -> str:
    """Base64urlUInt: big-endian, in the fewest octets (RFC 7518 §2)."""
    return encode_base64url(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def thumbprint(n: str, e: str) -> str:
    """The SHA-256 thumbprint of an RSA key: its required members, sorted, without white space (RFC 7638 §3)."""
    canonical = json.dumps({"e": e, "kty": "RSA", "n": n}, separators=(",", ":"), sort_keys=True)
    return encode_base64url(hashlib.sha256(canonical.encode("ascii")).digest())


def rsa_signing_key(modulus: int, exponent: int) -> dict[str, str]:
    """The public JWK of an RS256 signing key."""
    n, e = encode_integer(modulus), encode_integer(exponent)
    return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": thumbprint(n, e), "n": n, "e": e}
