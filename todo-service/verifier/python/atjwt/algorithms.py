"""Signature algorithms (RFC 7518 §3): RS256, PS256 and ES256. Each key verifies only those that it is meant for.

The JWK says which one (`alg`); without it an RSA key verifies RS256 and PS256, and a key on P-256 verifies ES256.
"""

from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

RS256, PS256, ES256 = "RS256", "PS256", "ES256"
ALGORITHMS = frozenset((RS256, PS256, ES256))
OF_RSA, OF_P256 = frozenset((RS256, PS256)), frozenset((ES256,))

_SHA256 = SHA256()
_PADDINGS = {RS256: PKCS1v15(), PS256: PSS(MGF1(_SHA256), 32)}  # the salt is as long as the hash (RFC 7518 §3.5)
_ECDSA = ECDSA(_SHA256)
_HALF = 32  # octets of R and of S (RFC 7518 §3.4)


@dataclass(frozen=True, slots=True, eq=False)
class VerificationKey:
    """A public key of the issuer, and the algorithms that it verifies (RFC 8725 §3.1)."""

    key: RSAPublicKey | EllipticCurvePublicKey
    algorithms: frozenset[str] = OF_RSA

    def has_signed(self, data: bytes, signature: bytes, algorithm: str) -> bool:
        """Whether the signature is this key's. `algorithm` is one of `algorithms`."""
        key = self.key
        try:
            if isinstance(key, EllipticCurvePublicKey):
                key.verify(_to_der(signature), data, _ECDSA)
            else:
                key.verify(signature, data, _PADDINGS[algorithm], _SHA256)
        except InvalidSignature:
            return False
        return True


def _to_der(signature: bytes) -> bytes:
    """ASN.1's form of R and S. Any other length than 64 octets is no signature (RFC 7518 §3.4)."""
    if len(signature) != 2 * _HALF:
        raise InvalidSignature
    return encode_dss_signature(int.from_bytes(signature[:_HALF], "big"), int.from_bytes(signature[_HALF:], "big"))
