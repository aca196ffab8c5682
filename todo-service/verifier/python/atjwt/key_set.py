"""The issuer's keys as an immutable value: read from a JWK Set (RFC 7517), and saved for the next start."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt import InvalidKeyError
from jwt.algorithms import RSAAlgorithm

from . import saved_copy, strict_json

MAX_LENGTH = 64 * 1024
MAX_KEYS = 32
MAX_KID_LENGTH = 128
MIN_MODULUS_BITS, MAX_MODULUS_BITS = 2048, 8192
MIN_EXPONENT, MAX_EXPONENT = 65537, 2**32 - 1  # verifying costs more with a longer modulus, and a longer exponent
MAX_CLOCK_DIFFERENCE = 60  # seconds
STATUS_LIST = "statuslist+jwt"  # value of `signs`
_MAX_DEPTH = 8
_MAX_LENGTHS = {"n": 1368, "e": 8}  # characters: the largest allowed number in base64url, and a leading zero octet
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})

_log = logging.getLogger(__name__)


class UnusableKeySet(ValueError):
    """The document is refused as a whole. The keys in memory stay."""


@dataclass(frozen=True, slots=True)
class Keys:
    """The usable keys by `kid`: one table for access tokens, one for status lists.

    A JWK with the member `signs` (our own; its value is the `typ` of a status list) verifies status lists only. A JWK
    without it verifies everything else, but no status lists. So a stolen key of one kind is useless for the other. A
    token signed by the wrong kind of key fails with an unknown `kid`.
    """

    access_tokens: Mapping[str, RSAPublicKey]
    status_lists: Mapping[str, RSAPublicKey]


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
    def keys(self) -> Mapping[str, RSAPublicKey]:
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
    found: dict[str | None, dict[str, RSAPublicKey]] = {None: {}, STATUS_LIST: {}}
    for entry in entries:
        _add(found, entry)
    if not found[None]:
        raise UnusableKeySet("no key of the key set is usable")
    return Keys(MappingProxyType(found[None]), MappingProxyType(found[STATUS_LIST]))


def _add(found: Mapping[str | None, dict[str, RSAPublicKey]], entry: object) -> None:
    """Add one key. A bad key is logged and skipped; the other keys stay usable."""
    try:
        signs, kid, key = _parse_key(entry)
    except ValueError as error:
        _log.warning("a key of the issuer is skipped: %s", error)
    else:
        if not any(kid in keys for keys in found.values()):
            found[signs][kid] = key


def _parse_key(entry: object) -> tuple[str | None, str, RSAPublicKey]:
    if not isinstance(entry, dict):
        raise ValueError("it is not an object")  # noqa: TRY004 - the document is wrong, not a type in our code
    if _PRIVATE_MEMBERS & entry.keys():
        _log.error("the issuer publishes a private or symmetric key; it must withdraw that key")
        raise ValueError("it has private members")
    kid = entry.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID_LENGTH:
        raise ValueError("it has no usable kid")
    if not _is_for_rs256(entry):
        raise ValueError("it is not for RS256 signatures")
    signs = entry.get("signs")
    if signs != STATUS_LIST and "signs" in entry:
        raise ValueError("its member signs has an unknown value")
    return signs, kid, _public_key(entry)


def _is_for_rs256(entry: Mapping[str, object]) -> bool:
    """Whether the JWK allows RS256 signatures (RFC 7517 §4). A missing `use`, `alg` or `key_ops` allows them."""
    key_ops = entry.get("key_ops", ["verify"])
    return (
        entry.get("kty") == "RSA"
        and entry.get("use", "sig") == "sig"
        and entry.get("alg", "RS256") == "RS256"
        and isinstance(key_ops, list)
        and "verify" in key_ops
    )


def _public_key(entry: Mapping[str, object]) -> RSAPublicKey:
    members = {name: entry.get(name) for name in ("kty", "n", "e")}
    if not all(isinstance(member, str) for member in members.values()):
        raise ValueError("its modulus or exponent is not a string")
    if any(len(str(members[name])) > length for name, length in _MAX_LENGTHS.items()):
        raise ValueError("it is too large")
    try:
        key = RSAAlgorithm.from_jwk(json.dumps(members))
    except (InvalidKeyError, ValueError) as error:
        raise ValueError("its modulus or exponent is malformed") from error
    if not isinstance(key, RSAPublicKey):
        raise ValueError("it is not a public key")  # noqa: TRY004 - the document is wrong, not a type in our code
    numbers = key.public_numbers()
    if key.key_size < MIN_MODULUS_BITS or numbers.e < MIN_EXPONENT or not numbers.e & numbers.n & 1:
        raise ValueError("it is too weak")
    if key.key_size > MAX_MODULUS_BITS or numbers.e > MAX_EXPONENT:
        raise ValueError("it is too large")
    return key


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
