"""Tokens signed by RS256, PS256 and ES256, and their keys."""

import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from todo_fixtures.issuer import claims, encode, header, jwk, private_key

CURVE = ec.generate_private_key(ec.SECP256R1())
RSA = private_key("first")


def ec_jwk(**members: Any) -> dict[str, Any]:
    numbers = CURVE.public_key().public_numbers()
    x, y = (encode(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": "first", "use": "sig", "alg": "ES256", **members}


def signed_by(alg: str, data: bytes) -> bytes:
    if alg == "RS256":
        return RSA.sign(data, padding.PKCS1v15(), SHA256())
    if alg == "PS256":
        return RSA.sign(data, padding.PSS(padding.MGF1(SHA256()), 32), SHA256())
    r, s = decode_dss_signature(CURVE.sign(data, ec.ECDSA(SHA256())))
    return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def token(alg: str, *, named: str = "", signature: bytes | None = None) -> str:
    made = f"{encode(json.dumps(header(alg=named or alg)).encode())}.{encode(json.dumps(claims()).encode())}"
    return f"{made}.{encode(signed_by(alg, made.encode()) if signature is None else signature)}"


JWKS = {"RS256": jwk("first"), "PS256": jwk("first", alg="PS256"), "ES256": ec_jwk()}
