"""Public keys that verify client assertions: registered as `jwks`, or fetched from `jwks_uri` (RFC 7591 §2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import InvalidKeyError
from jwt.algorithms import Algorithm, ECAlgorithm, RSAAlgorithm, RSAPSSAlgorithm

from ..oauth.compact_jwt import SignedJwt

MAX_KEYS = 32
MIN_MODULUS_BITS, MAX_MODULUS_BITS = 2048, 8192  # verifying with a longer key costs us too much
MIN_EXPONENT, MAX_EXPONENT = 65537, 2**32 - 1  # the cost of verifying grows with the exponent's length too
_MAX_LENGTHS = {"n": 1368, "e": 8}  # characters: the largest allowed number in base64url, and a leading zero octet
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_MEMBERS = {"RSA": ("kty", "n", "e"), "EC": ("kty", "crv", "x", "y")}

PublicKey = RSAPublicKey | EllipticCurvePublicKey

# Each algorithm with its type of key: the key must not decide the algorithm (RFC 8725 §3.1).
_RS256, _PS256 = RSAAlgorithm(RSAAlgorithm.SHA256), RSAPSSAlgorithm(RSAPSSAlgorithm.SHA256)
_ALGORITHMS: Mapping[str, tuple[Algorithm, type]] = {
    "RS256": (_RS256, RSAPublicKey),
    "PS256": (_PS256, RSAPublicKey),
    "ES256": (ECAlgorithm(ECAlgorithm.SHA256, SECP256R1), EllipticCurvePublicKey),
}


class UnusableKey(ValueError):
    """The reason why a JWK cannot verify assertions. It quotes nothing from the key."""


@dataclass(frozen=True)
class ClientKey:
    kid: str | None
    alg: str | None
    key: PublicKey

    def fits(self, assertion: SignedJwt) -> bool:
        """Whether the key matches the assertion's `kid`, if it has one, and its algorithm."""
        _, kind = _ALGORITHMS[assertion.alg]
        is_named = assertion.kid is None or assertion.kid == self.kid
        return is_named and self.alg in (None, assertion.alg) and isinstance(self.key, kind)

    def verifies(self, assertion: SignedJwt) -> bool:
        return verifies(assertion.alg, self.key, assertion.signing_input, assertion.signature)


def verifies(alg: str, key: PublicKey, signing_input: bytes, signature: bytes) -> bool:
    """Whether the signature is this key's, by this algorithm. False for a key of another type."""
    algorithm, kind = _ALGORITHMS[alg]
    return isinstance(key, kind) and algorithm.verify(signing_input, key, signature)


def parse_key_set(document: Mapping[str, Any], *, strictly: bool) -> Sequence[ClientKey]:
    """The usable keys of a JWK Set (RFC 7517 §5).

    Args:
        strictly: every key must be usable; for registration, where the mistake can be corrected. Otherwise unusable
            keys are skipped: a fetched set may hold keys for other purposes.

    Raises:
        UnusableKey: no key is usable, or the document is not a JWK Set.
    """
    entries = document.get("keys")
    if not isinstance(entries, list) or not 0 < len(entries) <= MAX_KEYS:
        raise UnusableKey(f"it must be a JWK Set of 1 to {MAX_KEYS} keys")
    keys = []
    for entry in entries:
        try:
            keys.append(_parse_key(entry))
        except UnusableKey:
            if strictly:
                raise
    if not keys:
        raise UnusableKey("no key is usable")
    return keys


def _parse_key(entry: object) -> ClientKey:
    if not isinstance(entry, dict):
        raise UnusableKey("a key is not an object")
    kid, alg = entry.get("kid"), entry.get("alg")
    if not (kid is None or isinstance(kid, str)) or not (alg is None or alg in list(_ALGORITHMS)):
        raise UnusableKey(f"a key's kid or alg is not usable; supported are {', '.join(_ALGORITHMS)}")
    key_ops = entry.get("key_ops", ["verify"])
    if entry.get("use", "sig") != "sig" or not isinstance(key_ops, list) or "verify" not in key_ops:
        raise UnusableKey("a key is not meant for signatures")
    key = parse_public_key(entry)
    if alg is not None and not isinstance(key, _ALGORITHMS[alg][1]):
        raise UnusableKey("a key's type does not match its alg")
    return ClientKey(kid, alg, key)


def parse_public_key(entry: Mapping[str, Any]) -> PublicKey:
    """The key of a JWK, by its numbers alone. Raises UnusableKey, also for a private key."""
    if _PRIVATE_MEMBERS & entry.keys():
        raise UnusableKey("a key is private or symmetric: only public keys are taken")
    kty = entry.get("kty")
    names = _MEMBERS.get(kty, ()) if isinstance(kty, str) else ()
    members = {name: entry.get(name) for name in names}
    if not members or not all(isinstance(member, str) for member in members.values()):
        raise UnusableKey("a key is neither RSA nor EC, or incomplete")
    if any(len(members.get(name) or "") > length for name, length in _MAX_LENGTHS.items()):
        raise UnusableKey(f"a key is too large: at most {MAX_MODULUS_BITS} bits, and an exponent of 32")
    try:
        key = (RSAAlgorithm if kty == "RSA" else ECAlgorithm).from_jwk(members)
    except (InvalidKeyError, ValueError) as error:
        raise UnusableKey("a key's numbers are not valid") from error
    if isinstance(key, RSAPublicKey) and MIN_MODULUS_BITS <= key.key_size <= MAX_MODULUS_BITS:
        numbers = key.public_numbers()
        if MIN_EXPONENT <= numbers.e <= MAX_EXPONENT and numbers.e & numbers.n & 1:  # both are odd in every RSA key
            return key
    elif isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return key
    raise UnusableKey("a key is too weak, too large, or not on the curve P-256")
