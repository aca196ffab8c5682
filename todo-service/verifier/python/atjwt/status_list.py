"""One Status List Token as a value (draft-ietf-oauth-status-list): verified, inflated, read bit by bit.

These are pure functions, as in access_token.py. A list has one bit per token: a set bit means revoked, for ever. A list
must be signed by a key that the issuer publishes for status lists only (key_set.py).
"""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from . import jws, strict_json
from .algorithms import VerificationKey
from .refusals import InvalidToken, UnknownKey

MAX_OCTETS = 2**20 // 8  # a million tokens; auth-service's lists have an eighth of that
MAX_LENGTH = 256 * 1024  # of the JWT: MAX_OCTETS that do not compress, encoded in base64 twice
MAX_AGGREGATION_LENGTH = 16 * 1024
MAX_LISTS = 64
MEDIA_TYPE = "application/statuslist+jwt"
_TYPES = ("statuslist+jwt", MEDIA_TYPE)
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

# A list is signed at least once a minute, and two clocks may be a minute apart.
LAGGING_AFTER = timedelta(minutes=2)
LEEWAY = timedelta(seconds=60)
MAX_LIFETIME = timedelta(hours=1)  # long enough for a list that is signed every minute


class UnusableStatusList(ValueError):
    """The document is refused. The list in memory stays. The text never quotes the document."""


class UnknownStatusKey(UnusableStatusList):
    """The list is signed by a key that the issuer does not publish for status lists."""

    def __init__(self, kid: str) -> None:
        super().__init__("the issuer does not publish its key for status lists")
        self.kid = kid


class Freshness(StrEnum):
    """The meaning of a list's age for a token: see `StatusList.freshness`."""

    LIVE = "live"
    LAGGING = "lagging"
    STALE = "stale"


@dataclass(frozen=True, slots=True)
class StatusList:
    """A verified list. `document` is the signed token, for the copy on disk; `kid` names the key that signed it."""

    uri: str
    statuses: bytes
    iat: float
    kid: str
    document: str
    version: int = 0  # how often the issuer has changed the list

    def is_set(self, index: int) -> bool:
        """Whether the token with this index is revoked. Bits count from the least significant one (§4.1).

        Raises:
            IndexError: the index is negative, or behind the end of the list.
        """
        if index < 0:
            raise IndexError(index)
        return bool(self.statuses[index >> 3] >> (index & 7) & 1)

    def freshness(self, now: float, *, token_ttl: float) -> Freshness:
        """LIVE up to two minutes of age, STALE beyond `token_ttl` seconds, otherwise LAGGING.

        The age counts from the signed `iat`; cache headers are not signed and do not count. A STALE list is older than
        the token's whole life: every token that it marks has expired, so it says nothing about tokens that are valid.
        Also STALE is a list from the future, signed before a clock was set back: its age is unknown.
        """
        age = now - self.iat
        if age > token_ttl or is_from_future(self.iat, now):
            return Freshness.STALE
        return Freshness.LIVE if age <= LAGGING_AFTER.total_seconds() else Freshness.LAGGING

    def succeeding(self, held: "StatusList") -> "StatusList":
        """This list, with the bits that are set in `held` as well.

        The issuer never uses an index twice, so a set bit stays set. A node of the issuer that lags behind others must
        not make a revoked token valid again.
        """
        before, after = int.from_bytes(held.statuses, "little"), int.from_bytes(self.statuses, "little")
        if before | after == after and held.version <= self.version:
            return self
        length, version = max(len(held.statuses), len(self.statuses)), max(held.version, self.version)
        return replace(self, statuses=(before | after).to_bytes(length, "little"), version=version)


def verify(token: str, *, uri: str, keys: Mapping[str, VerificationKey], now: float) -> StatusList:
    """Verify a list that was just fetched from `uri` (§8.3).

    Raises:
        UnknownStatusKey: its key is not among `keys`; there may be newer keys.
        UnusableStatusList: anything else is wrong.
    """
    parsed, exp = _verify(token, uri=uri, keys=keys, now=now)
    if exp is not None and now >= exp + LEEWAY.total_seconds():
        raise UnusableStatusList("it has expired")
    return parsed


def restore(token: str, *, uri: str, keys: Mapping[str, VerificationKey], now: float) -> StatusList:
    """Verify a list from the saved copy. It may have expired: `freshness` judges its age."""
    return _verify(token, uri=uri, keys=keys, now=now)[0]


def _verify(
    token: str, *, uri: str, keys: Mapping[str, VerificationKey], now: float
) -> tuple[StatusList, float | None]:
    try:
        kid, claims = jws.verify(token, types=_TYPES, keys=keys, max_length=MAX_LENGTH)
        iat = jws.get_time(claims, "iat")
        exp = jws.get_time(claims, "exp") if "exp" in claims else None
        ttl = jws.get_time(claims, "ttl") if "ttl" in claims else None  # checked, but not used: we poll more often
    except UnknownKey as error:
        raise UnknownStatusKey(error.kid) from None
    except InvalidToken as error:
        raise UnusableStatusList(str(error)) from None
    if claims.get("sub") != uri:
        raise UnusableStatusList("it is another list")
    if is_from_future(iat, now):
        raise UnusableStatusList("it is from the future")
    if ttl == 0 or (exp is not None and not iat < exp <= iat + MAX_LIFETIME.total_seconds()):
        raise UnusableStatusList("its lifetime is zero, negative or too long")
    statuses = _inflate(claims.get("status_list"))
    return StatusList(uri, statuses, iat, kid, token, _version(claims.get("version"), statuses)), exp


def is_from_future(iat: float, now: float) -> bool:
    """Whether a list was signed after `now`, with leeway for clocks that differ."""
    return iat > now + LEEWAY.total_seconds()


def _version(claim: object, statuses: bytes) -> int:
    """The version that the issuer states, otherwise the number of revoked tokens: no bit is ever cleared."""
    if isinstance(claim, int) and not isinstance(claim, bool) and 0 <= claim < 2**31:
        return claim
    return int.from_bytes(statuses, "little").bit_count()


def _inflate(status_list: object) -> bytes:
    """The octets of `lst` (§4.2). Inflating stops at MAX_OCTETS, so a small document cannot fill the memory."""
    match status_list:
        case {"bits": int(bits), "lst": str(lst)} if bits is not True and bits == 1 and lst.isascii():
            pass
        case _:
            raise UnusableStatusList("it is not a list with one bit per token")
    inflating = zlib.decompressobj()
    try:
        statuses = inflating.decompress(jws.decode_base64url(lst.encode()), MAX_OCTETS + 1)
    except (ValueError, zlib.error):
        raise UnusableStatusList("it is not compressed with zlib, or not base64url") from None
    if len(statuses) > MAX_OCTETS:
        raise UnusableStatusList("it is too large")
    if not statuses or not inflating.eof or inflating.unused_data:
        raise UnusableStatusList("it is empty or truncated, or something follows it")
    return statuses


def parse_aggregation(document: bytes, *, prefix: str) -> tuple[str, ...]:
    """The URIs of all lists (§9.3), each directly under `prefix`.

    Raises:
        UnusableStatusList: too large, malformed, no list, too many lists, or a list that is not under `prefix`.
    """
    if len(document) > MAX_AGGREGATION_LENGTH:
        raise UnusableStatusList("the aggregation is too large")
    try:
        parsed = strict_json.parse(document, max_depth=4)
    except ValueError:
        raise UnusableStatusList("the aggregation is not JSON") from None
    uris = parsed.get("status_lists") if isinstance(parsed, dict) else None
    if not isinstance(uris, list) or not 0 < len(uris) <= MAX_LISTS:
        raise UnusableStatusList(f"the aggregation does not name 1 to {MAX_LISTS} status lists")
    if not all(isinstance(uri, str) and is_under(uri, prefix) for uri in uris):
        raise UnusableStatusList("the aggregation names a list that is not at the issuer's address")
    return tuple(dict.fromkeys(uris))


def is_under(uri: str, prefix: str) -> bool:
    """Whether a list is directly under the prefix: one more path segment, no dots, no query."""
    return uri.startswith(prefix) and _NAME.fullmatch(uri, len(prefix)) is not None
