"""Signing: a JWT as the compact serialization of a JWS (RFC 7515 §3.1, RFC 7519 §7.1), by RS256 (RFC 7518 §3.3).

The algorithm is PyJWT's. Around it, `jwt.encode` makes with each token what all tokens of one key have in common: two
JSON encoders and the protected header. Without them a token costs little more than its signature.
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
_HEADERS = 32  # of the kinds of tokens, under the keys of some rotations


def sign(claims: Mapping[str, Any], *, typ: str, kid: str, key: RSAPrivateKey) -> str:
    signed = _protected_header(typ, kid) + b"." + base64url_encode(_JSON.encode(dict(claims)).encode())
    return (signed + b"." + base64url_encode(_RS256.sign(signed, key))).decode("ascii")


@lru_cache(maxsize=_HEADERS)
def _protected_header(typ: str, kid: str) -> bytes:
    return base64url_encode(_JSON.encode({"alg": "RS256", "kid": kid, "typ": typ}).encode())
