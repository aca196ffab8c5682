"""Keys that a client registers or publishes (RFC 7517): what they must be to verify its assertions."""

from typing import Any

import pytest

from auth_service.clients.keys import UnusableKey, parse_key_set

from .oauth_client import public_jwk

KEY_SETS: dict[str, tuple[dict[str, Any], str]] = {
    "no keys member": ({}, "it must be a JWK Set of 1 to 32 keys"),
    "an empty set": ({"keys": []}, "it must be a JWK Set of 1 to 32 keys"),
    "too many": ({"keys": [public_jwk("rsa")] * 33}, "it must be a JWK Set of 1 to 32 keys"),
    "no object": ({"keys": ["x"]}, "a key is not an object"),
    "a private key": ({"keys": [public_jwk("rsa", d="AQAB")]}, "a key is private"),
    "a symmetric key": ({"keys": [{"kty": "oct", "k": "AAAA"}]}, "a key is private or symmetric"),
    "a key for encryption": ({"keys": [public_jwk("rsa", use="enc")]}, "a key is not meant for signatures"),
    "key_ops without verify": ({"keys": [public_jwk("rsa", key_ops=["sign"])]}, "a key is not meant for"),
    "an alg that is none": ({"keys": [public_jwk("rsa", alg="HS256")]}, "a key's kid or alg is not usable"),
    "a list for an alg": ({"keys": [public_jwk("rsa", alg=["RS256"])]}, "a key's kid or alg is not usable"),
    "a number for a kid": ({"keys": [public_jwk("rsa", kid=1)]}, "a key's kid or alg is not usable"),
    "RSA for ES256": ({"keys": [public_jwk("rsa", alg="ES256")]}, "a key's type does not match its alg"),
    "a short modulus": ({"keys": [public_jwk("rsa", n="AQAB")]}, "a key"),
    "an exponent of 3": ({"keys": [public_jwk("rsa", e="Aw")]}, "a key is too weak"),
    "an even exponent": ({"keys": [public_jwk("rsa", e="AQAC")]}, "a key"),
    "an exponent of 33 bits": ({"keys": [public_jwk("rsa", e="AQAAAAE")]}, "a key is too weak, too large"),
    "an exponent of 3072 bits": ({"keys": [public_jwk("rsa", e="_" * 512)]}, "a key is too large"),
    "a modulus of 8200 bits": ({"keys": [public_jwk("rsa", n="_" * 1367)]}, "a key is too weak, too large"),
    "a modulus of 131072 bits": ({"keys": [public_jwk("rsa", n="_" * 21846)]}, "a key is too large"),
    "an even modulus": ({"keys": [public_jwk("rsa", n=public_jwk("rsa")["n"][:-1] + "A")]}, "a key"),
    "no modulus": ({"keys": [{"kty": "RSA", "e": "AQAB"}]}, "a key is neither RSA nor EC, or incomplete"),
    "numbers for members": ({"keys": [{"kty": "RSA", "n": 1, "e": 3}]}, "a key is neither RSA nor EC"),
    "off the curve": ({"keys": [public_jwk("ec", x=public_jwk("ec")["y"])]}, "a key's numbers are not valid"),
    "another curve": ({"keys": [{"kty": "EC", "crv": "P-384", "x": "AAAA", "y": "AAAA"}]}, "a key's numbers are"),
    "an octet key pair": ({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": "AAAA"}]}, "a key is neither RSA nor"),
}  # fmt: skip


@pytest.mark.parametrize(("document", "message"), KEY_SETS.values(), ids=KEY_SETS)
def test_keys_that_prove_nothing_are_refused(document: dict[str, Any], message: str) -> None:
    with pytest.raises(UnusableKey, match=message):
        parse_key_set(document, strictly=True)


def test_among_fetched_keys_the_unusable_are_passed_over() -> None:
    keys = [public_jwk("rsa", use="enc", kid="e"), public_jwk("ec"), {"kty": "OKP"}]
    assert [key.kid for key in parse_key_set({"keys": keys}, strictly=False)] == ["ec"]
