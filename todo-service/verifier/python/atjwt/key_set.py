"""The issuer's keys as an immutable value: read from a JWK Set (RFC 7517), and saved for the next start."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey, EllipticCurvePublicNumbers
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey, RSAPublicNumbers

from . import saved_copy, strict_json
from .algorithms import OF_P256, OF_RSA, VerificationKey
from .jws import MAX_KID_LENGTH, decode_base64url

MAX_LENGTH = 64 * 1024
MAX_KEYS = 32
MIN_MODULUS_BITS, MAX_MODULUS_BITS = 2048, 8192
MIN_EXPONENT, MAX_EXPONENT = 65537, 2**32 - 1  # verifying costs more with a longer modulus, and a longer exponent
MAX_CLOCK_DIFFERENCE = 60  # seconds
STATUS_LIST = "statuslist+jwt"  # value of `signs`
_MAX_DEPTH = 8
# Characters: the largest allowed number in base64url; for an RSA key also with a leading zero octet.
_MAX_LENGTHS = {"n": 1368, "e": 8, "x": 43, "y": 43}
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

_log = logging.getLogger(__name__)


class UnusableKeySet(ValueError):
    """The document is refused as a whole. The keys in memory stay."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The usable keys by `kid`: one table for access tokens, one for status lists.

    A JWK with the member `signs` (auth-service's own; its value is the `typ` of a status list) verifies status lists
    only, and a JWK without it everything else. So a stolen key of one kind is useless for the other. A token signed by
    the wrong kind of key fails with an unknown `kid`. If no key of the set has the member, each verifies both.
    """

    access_tokens: Mapping[str, VerificationKey]
    status_lists: Mapping[str, VerificationKey]


@dataclass(frozen=True, slots=True)
class KeySet:
    """The result of one fetch. While the document stays the same, so does the object `published`.

    `fetched_at` is in seconds since the epoch, like the times in tokens.
    """

    published: Keys
    document: bytes
    etag: str | None
    fetched_at: float

    @property
    def keys(self) -> Mapping[str, VerificationKey]:
        """The keys for access tokens."""
        return self.published.access_tokens

    def has(self, kid: str) -> bool:
        return kid in self.published.access_tokens or kid in self.published.status_lists


def parse_keys(document: bytes) -> Keys:
    """Return the usable keys as key objects.

    Raises:
        UnusableKeySet: too large, not a JWK Set, too many keys, or no usable key for access tokens.
    """
    if len(document) > MAX_LENGTH:
        raise UnusableKeySet("the key set is larger than 64 KiB")
    try:
        parsed = strict_json.parse(document, max_depth=_MAX_DEPTH)
    except ValueError as error:
        raise UnusableKeySet(f"the key set is {error}") from None
    entries = parsed.get("keys") if isinstance(parsed, dict) else None
    if not isinstance(entries, list) or len(entries) > MAX_KEYS:
        raise UnusableKeySet(f"the key set has no list of at most {MAX_KEYS} keys")
    found: dict[str | None, dict[str, VerificationKey]] = {None: {}, STATUS_LIST: {}}
    for entry in entries:
        _add(found, entry)
    if not found[None]:
        raise UnusableKeySet("no key of the key set is usable")
    tokens = MappingProxyType(found[None])
    are_apart = any(isinstance(entry, dict) and "signs" in entry for entry in entries)
    return Keys(tokens, MappingProxyType(found[STATUS_LIST]) if are_apart else tokens)


def _add(found: Mapping[str | None, dict[str, VerificationKey]], entry: object) -> None:
    """Add one key. A bad key is logged and skipped; the other keys stay usable."""
    try:
        signs, kid, key = _parse_key(entry)
    except ValueError as error:
        _log.warning("a key of the issuer is skipped: %s", error)
    else:
        if not any(kid in keys for keys in found.values()):
            found[signs][kid] = key


def _parse_key(entry: object) -> tuple[str | None, str, VerificationKey]:
    if not isinstance(entry, dict):
        raise ValueError("it is not an object")  # noqa: TRY004 - the document is wrong, not a type in our code
    if _PRIVATE_MEMBERS & entry.keys():
        _log.error("the issuer publishes a private or symmetric key; it must withdraw that key")
    key = parse_public_key(entry)
    kid = entry.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID_LENGTH:
        raise ValueError("it has no usable kid")
    signs = entry.get("signs")
    if signs != STATUS_LIST and "signs" in entry:
        raise ValueError("its member signs has an unknown value")
    return signs, kid, key


def parse_public_key(jwk: Mapping[str, object]) -> VerificationKey:
    """A public key of RSA or on P-256, with the algorithms that its JWK allows.

    Raises:
        ValueError: it is private, symmetric, too weak, too large, or for something else. The text does not quote it.
    """
    if _PRIVATE_MEMBERS & jwk.keys():
        raise ValueError("it has private members")
    algorithms = _algorithms(jwk)
    return VerificationKey(_rsa_key(jwk) if algorithms <= OF_RSA else _p256_key(jwk), algorithms)


def _algorithms(entry: Mapping[str, object]) -> frozenset[str]:
    """What the JWK allows (RFC 7517 §4). A missing `use`, `alg` or `key_ops` allows all that fit the key's type."""
    kty, key_ops = entry.get("kty"), entry.get("key_ops", ["verify"])
    fitting = OF_RSA if kty == "RSA" else OF_P256 if kty == "EC" and entry.get("crv") == "P-256" else frozenset()
    named = frozenset(each for each in fitting if entry.get("alg", each) == each)
    if not named or entry.get("use", "sig") != "sig" or not isinstance(key_ops, list) or "verify" not in key_ops:
        raise ValueError("it is not for RS256, PS256 or ES256 signatures")
    return named


def _rsa_key(entry: Mapping[str, object]) -> RSAPublicKey:
    n, e = _number(entry, "n"), _number(entry, "e")
    if n.bit_length() < MIN_MODULUS_BITS or e < MIN_EXPONENT or not e & n & 1:
        raise ValueError("it is too weak")
    if n.bit_length() > MAX_MODULUS_BITS or e > MAX_EXPONENT:
        raise ValueError("it is too large")
    return RSAPublicNumbers(e, n).public_key()


def _p256_key(entry: Mapping[str, object]) -> EllipticCurvePublicKey:
    """Raises ValueError, too, if the point is not on the curve."""
    return EllipticCurvePublicNumbers(_number(entry, "x"), _number(entry, "y"), SECP256R1()).public_key()


def _number(entry: Mapping[str, object], name: str) -> int:
    """A number in base64url (RFC 7518 §6). Its length is checked before it is decoded."""
    value = entry.get(name)
    if not isinstance(value, str) or not value.isascii():
        raise ValueError(f"its member {name} is not a string of base64url")
    if len(value) > _MAX_LENGTHS[name]:
        raise ValueError("it is too large")
    try:
        return int.from_bytes(decode_base64url(value.encode()), "big")
    except ValueError:
        raise ValueError(f"its member {name} is not base64url") from None


def save(key_set: KeySet, path: Path, *, jwks_uri: str) -> None:
    """Save the key set for the next start."""
    content = {
        "jwks_uri": jwks_uri,
        "fetched_at": key_set.fetched_at,
        "etag": key_set.etag,
        "document": key_set.document.decode(),
    }
    saved_copy.write(path, json.dumps(content))


def load(path: Path, *, jwks_uri: str, now: float, max_stale: float) -> KeySet:
    """Read what `save` wrote.

    Raises:
        OSError: the file is missing or cannot be read.
        ValueError: the copy is from another address, older than `max_stale` seconds, from the future, or damaged.
    """
    match strict_json.parse(path.read_bytes(), max_depth=_MAX_DEPTH):
        case {"jwks_uri": uri, "fetched_at": int() | float() as fetched_at, "etag": etag, "document": str(text)}:
            pass
        case _:
            raise ValueError("it is damaged")
    if uri != jwks_uri:
        raise ValueError("it is from another address")
    if not -MAX_CLOCK_DIFFERENCE <= now - fetched_at <= max_stale:
        raise ValueError("it is too old, or from the future")
    document = text.encode()
    return KeySet(parse_keys(document), document, etag if isinstance(etag, str) else None, fetched_at)
