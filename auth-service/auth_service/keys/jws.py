"""Signing of JWTs: compact serialization (RFC 7515 §3.1, RFC 7519 §7.1) with RS256 (RFC 7518 §3.3).

The RS256 implementation is PyJWT's. `jwt.encode` is not used: for each token it makes two JSON encoders and the
protected header anew. Here they are made once, so that a token costs little more than its signature.
"""

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from jwt.algorithms import RSAAlgorithm
from jwt.utils import base64url_encode

_RS256 = RSAAlgorithm(RSAAlgorithm.SHA256)
_JSON = json.JSONEncoder(separators=(",", ":"), allow_nan=False)
_HEADERS = 32  # cached headers: kinds of tokens, times the keys of some rotations


def sign(claims: Mapping[str, Any], *, typ: str, kid: str, key: RSAPrivateKey) -> str:
    signed = _protected_header(typ, kid) + b"." + base64url_encode(_JSON.encode(dict(claims)).encode())
    return (signed + b"." + base64url_encode(_RS256.sign(signed, key))).decode("ascii")


@lru_cache(maxsize=_HEADERS)
def _protected_header(typ: str, kid: str) -> bytes:
    return base64url_encode(_JSON.encode({"alg": "RS256", "kid": kid, "typ": typ}).encode())
