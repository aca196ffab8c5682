"""One Status List Token as a value (draft-ietf-oauth-status-list): checked, inflated, and asked for one bit.

Pure functions, as in access_token.py. We read lists of one bit: set is revoked, for good. Whoever made a list is known
by its key, which must be one that the issuer publishes for status lists and for nothing else (key_set.py).
"""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from . import jws, strict_json
from .jws import InvalidToken, UnknownKey

MAX_OCTETS = 2**20 // 8  # a million tokens; the issuer's own lists have an eighth of that
MAX_LENGTH = 256 * 1024  # of the JWT: MAX_OCTETS that do not compress, under base64 twice
MAX_AGGREGATION_LENGTH = 16 * 1024
MAX_LISTS = 64
MEDIA_TYPE = "application/statuslist+jwt"
_TYPES = ("statuslist+jwt", MEDIA_TYPE)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

# A list is signed at least once a minute, and two clocks may be a minute apart.
LAGGING_AFTER = timedelta(minutes=2)
LEEWAY = timedelta(seconds=60)
MAX_LIFETIME = timedelta(hours=1)  # nothing that is signed once a minute has to live longer


class UnusableStatusList(ValueError):
    """The document is refused, and whatever is held stays. The text repeats nothing of it."""


class UnknownStatusKey(UnusableStatusList):
    """It is signed by a key that the issuer does not publish, or not for status lists."""

    def __init__(self, kid: str) -> None:
        super().__init__("its key is not one of the issuer's for status lists")
        self.kid = kid


class Freshness(StrEnum):
    """How much a list that was signed some time ago still says about tokens of today."""

    LIVE = "live"
    LAGGING = "lagging"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class StatusList:
    """`document` is the signed token itself, to be kept on disk; `kid` the key that must still be published."""

    uri: str
    statuses: bytes
    iat: float
    kid: str
    document: str

    def is_set(self, index: int) -> bool:
        """Whether the token with that index is revoked: bits count from the least significant one (§4.1).

        Raises:
            IndexError: the list is not that long, or the index is negative.
        """
        if index < 0:
            raise IndexError(index)
        return bool(self.statuses[index >> 3] >> (index & 7) & 1)

    @property
    def version(self) -> int:
        """How many are revoked, as the issuer counts a list's versions: bits are only ever set."""
        return int.from_bytes(self.statuses, "little").bit_count()

    def freshness(self, now: float, *, token_ttl: float) -> Freshness:
        """Judged by the signed `iat` alone: what a cache or a connection says about age is nobody's signature.

        STALE is older than the token's whole life. Whatever was revoked when the list was signed has expired by
        then, so that the list says nothing about any token that is still good.
        """
        age = now - self.iat
        if age > token_ttl:
            return Freshness.STALE
        return Freshness.LIVE if age <= LAGGING_AFTER.total_seconds() else Freshness.LAGGING

    def succeeding(self, held: "StatusList") -> "StatusList":
        """This list with what the one before it knew already.

        No index is ever given out twice, so a set bit stays set: a node of the issuer that lags behind another one
        must not bring a revoked token back.
        """
        before, after = int.from_bytes(held.statuses, "little"), int.from_bytes(self.statuses, "little")
        if before | after == after:
            return self
        length = max(len(held.statuses), len(self.statuses))
        return replace(self, statuses=(before | after).to_bytes(length, "little"))


def verify(token: str, *, uri: str, keys: Mapping[str, RSAPublicKey], now: float) -> StatusList:
    """A list that was just fetched from `uri` (§8.3).

    Raises:
        UnknownStatusKey: nothing is wrong with it but the key; there may be newer keys.
        UnusableStatusList: anything else.
    """
    parsed, exp = _verify(token, uri=uri, keys=keys, now=now)
    if exp is not None and now >= exp + LEEWAY.total_seconds():
        raise UnusableStatusList("it has expired")
    return parsed


def restore(token: str, *, uri: str, keys: Mapping[str, RSAPublicKey], now: float) -> StatusList:
    """A list that was verified before, and kept. It may have expired: its age says what it is worth."""
    return _verify(token, uri=uri, keys=keys, now=now)[0]


def _verify(token: str, *, uri: str, keys: Mapping[str, RSAPublicKey], now: float) -> tuple[StatusList, float | None]:
    try:
        kid, claims = jws.verify(token, types=_TYPES, keys=keys, max_length=MAX_LENGTH)
        iat = jws.get_time(claims, "iat")
        exp = jws.get_time(claims, "exp") if "exp" in claims else None
        ttl = jws.get_time(claims, "ttl") if "ttl" in claims else None  # we ask more often than it can say
    except UnknownKey as error:
        raise UnknownStatusKey(error.kid) from None
    except InvalidToken as error:
        raise UnusableStatusList(str(error)) from None
    if claims.get("sub") != uri:
        raise UnusableStatusList("it is another list")
    if iat > now + LEEWAY.total_seconds():
        raise UnusableStatusList("it is from the future")
    if ttl == 0 or (exp is not None and not iat < exp <= iat + MAX_LIFETIME.total_seconds()):
        raise UnusableStatusList("its lifetime is none")
    return StatusList(uri, _inflate(claims.get("status_list")), iat, kid, token), exp


def _inflate(status_list: object) -> bytes:
    """The octets of `lst` (§4.2): never more than MAX_OCTETS, whatever the compressed form would unfold to."""
    match status_list:
        case {"bits": 1, "lst": str(lst)} if lst.isascii():
            pass
        case _:
            raise UnusableStatusList("it is not a list of one bit")
    inflating = zlib.decompressobj()
    try:
        statuses = inflating.decompress(jws.decode_base64url(lst.encode()), MAX_OCTETS + 1)
    except (ValueError, zlib.error):
        raise UnusableStatusList("it is not compressed as it should be") from None
    if len(statuses) > MAX_OCTETS:
        raise UnusableStatusList("it is too large")
    if not statuses or not inflating.eof or inflating.unused_data:
        raise UnusableStatusList("it is truncated, or something follows it")
    return statuses


def parse_aggregation(document: bytes, *, prefix: str) -> tuple[str, ...]:
    """The URIs of all lists (§9.3), each under `prefix`.

    Raises:
        UnusableStatusList: too large, of another form, no list, too many, or one that lies elsewhere.
    """
    if len(document) > MAX_AGGREGATION_LENGTH:
        raise UnusableStatusList("the aggregation is too large")
    try:
        parsed = strict_json.parse(document, max_depth=4)
    except ValueError:
        raise UnusableStatusList("the aggregation is not JSON") from None
    uris = parsed.get("status_lists") if isinstance(parsed, dict) else None
    if not isinstance(uris, list) or not 0 < len(uris) <= MAX_LISTS:
        raise UnusableStatusList(f"the aggregation has no list of at most {MAX_LISTS} status lists")
    if not all(isinstance(uri, str) and is_under(uri, prefix) for uri in uris):
        raise UnusableStatusList("the aggregation names a list that lies elsewhere")
    return tuple(dict.fromkeys(uris))


def is_under(uri: str, prefix: str) -> bool:
    """Whether a list lies directly under the prefix: one path segment, no dots, no query."""
    return uri.startswith(prefix) and _NAME.fullmatch(uri, len(prefix)) is not None
