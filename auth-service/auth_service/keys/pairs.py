"""Key pairs: RSA for RS256 and PS256, the curve P-256 for ES256 (RFC 7518 §3.1)."""

from typing import TypeGuard

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from ..oauth import jwk
from ..oauth.algorithms import ES256

KEY_SIZE = 2048  # bits of an RSA key
PrivateKey = RSAPrivateKey | EllipticCurvePrivateKey


def generate(alg: str) -> PrivateKey:
    """A new key for the algorithm. An RSA key takes 0.2 s: call this in a thread."""
    return ec.generate_private_key(SECP256R1()) if alg == ES256 else rsa.generate_private_key(65537, KEY_SIZE)


def public_jwk(key: PrivateKey, alg: str) -> dict[str, str]:
    """The public JWK that names the key's one algorithm."""
    if isinstance(key, EllipticCurvePrivateKey):
        point = key.public_key().public_numbers()
        return jwk.ec_signing_key(point.x, point.y)
    numbers = key.public_key().public_numbers()
    return jwk.rsa_signing_key(numbers.n, numbers.e, alg=alg)


def is_usable(key: object) -> TypeGuard[PrivateKey]:
    """Whether a key is of a kind that `generate` makes: RSA, or EC on P-256 and on no other curve."""
    is_p256 = isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1)
    return is_p256 or isinstance(key, RSAPrivateKey)
