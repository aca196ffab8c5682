"""Status lists as values (draft-ietf-oauth-status-list): one bit for each token, set when it is revoked."""

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from .jwk import encode_base64url

TYP = "statuslist+jwt"
MEDIA_TYPE = "application/statuslist+jwt"
SIZE = 2**17  # indices of one list
TTL = timedelta(seconds=2)  # a verifier may reuse a fetched list for this long
LIFETIME = timedelta(seconds=300)  # from `iat` to `exp`


@dataclass(frozen=True)
class StatusReference:
    """The list and the index of a token's status bit (§6.2)."""

    uri: str
    index: int

    def claim(self) -> Mapping[str, Any]:
        return {"status_list": {"idx": self.index, "uri": self.uri}}


def set_bits(indices: Iterable[int], *, size: int = SIZE) -> bytes:
    """The octets of a list with one bit per token, the least significant bit of each octet first (§4.1)."""
    octets = bytearray(size // 8)
    for index in indices:
        octets[index >> 3] |= 1 << (index & 7)
    return bytes(octets)


def is_set(octets: bytes, index: int) -> bool:
    return bool(octets[index >> 3] >> (index & 7) & 1)


def pack(octets: bytes) -> str:
    """`lst` (§4.2): zlib at its highest level, in base64url."""
    return encode_base64url(zlib.compress(octets, 9))


def claims(uri: str, octets: bytes, *, version: int, signed_at: datetime) -> Mapping[str, Any]:
    """The claims of a Status List Token (§5.1). `version` is our own: verifiers report the one that they hold."""
    iat = int(signed_at.timestamp())
    return {
        "sub": uri,
        "iat": iat,
        "exp": iat + int(LIFETIME.total_seconds()),
        "ttl": int(TTL.total_seconds()),
        "version": version,
        "status_list": {"bits": 1, "lst": pack(octets)},
    }
