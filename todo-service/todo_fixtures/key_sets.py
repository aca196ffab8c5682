"""Usable and unusable keys, by name: rules J9 and J10 of VERIFIER.md. All have the `kid` "second", or say another."""

import json
from typing import Any

from todo_fixtures.issuer import encode, jwk, private_key


def document(*keys: Any) -> bytes:
    return json.dumps({"keys": keys}).encode()


def without(name: str) -> dict[str, Any]:
    return {member: value for member, value in jwk("second").items() if member != name}


def weak(bits: int = 2048, exponent: int = 65537) -> dict[str, Any]:
    numbers = private_key(f"weak {bits} {exponent}", bits, exponent).public_key().public_numbers()
    return {**jwk("second"), "n": encode(numbers.n.to_bytes(bits // 8, "big")), "e": encode(bytes([exponent & 255]))}


USABLE: dict[str, Any] = {
    "as-published": jwk("second"),
    "no-use": without("use"),
    "no-alg": without("alg"),
    "key_ops-verify": jwk("second", key_ops=["verify"]),
    "more-members": jwk("second", x5t="x", nbf=1),
    "kid-128": jwk("second", kid="k" * 128),
}
UNUSABLE: dict[str, Any] = {
    "not-an-object": "second",
    "null": None,
    "empty": {},
    "kty-EC": jwk("second", kty="EC"),
    "kty-oct": jwk("second", kty="oct"),
    "kty-absent": without("kty"),
    "use-enc": jwk("second", use="enc"),
    "use-null": jwk("second", use=None),
    "key_ops-sign": jwk("second", key_ops=["sign"]),
    "key_ops-empty": jwk("second", key_ops=[]),
    "key_ops-string": jwk("second", key_ops="verify"),
    "alg-RS512": jwk("second", alg="RS512"),
    "alg-null": jwk("second", alg=None),
    "kid-absent": without("kid"),
    "kid-empty": jwk("second", kid=""),
    "kid-number": jwk("second", kid=1),
    "kid-129": jwk("second", kid="k" * 129),
    "n-absent": without("n"),
    "n-number": jwk("second", n=65537),
    "n-empty": jwk("second", n=""),
    "n-not-base64": jwk("second", n="*"),
    "e-absent": without("e"),
    "e-one": jwk("second", e="AQ"),
    "e-even": jwk("second", e="AQAA"),
    "e-33-bits": jwk("second", e="AQAAAAE"),
    "e-3072-bits": jwk("second", e="_" * 512),
    "n-even": jwk("second", n=jwk("second")["n"][:-1] + "A"),
    "n-16-bits": jwk("second", n="wwE"),
    "n-8200-bits": jwk("second", n="_" * 1367),
    "n-131072-bits": jwk("second", n="_" * 21846),
    "1024-bits": weak(bits=1024),
    "e-3": weak(exponent=3),
    "private-d": jwk("second", d="AQAB"),
    "private-p": jwk("second", p="AQAB"),
    "symmetric-k": {"kty": "oct", "k": "c2VjcmV0", "kid": "second"},
}
