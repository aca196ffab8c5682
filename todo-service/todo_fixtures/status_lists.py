"""The tests' own status lists and their endpoint, which counts requests."""

import base64
import hashlib
import json
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from todo_fixtures.issuer import ISSUER, encode, private_key, sign

URI = f"{ISSUER}/oauth/status-lists"
SIGNER = "status"  # name and kid of the key


def statuses(indices: Iterable[int], size: int = 1024) -> bytes:
    """A list with one bit per token, the least significant bit first (draft-ietf-oauth-status-list §4.1)."""
    octets = bytearray(size // 8)
    for index in indices:
        octets[index // 8] |= 1 << index % 8
    return bytes(octets)


def pack(octets: bytes) -> str:
    return encode(zlib.compress(octets, 9))


def unpack(lst: str) -> bytes:
    return zlib.decompress(base64.urlsafe_b64decode(lst + "=" * (-len(lst) % 4)))


def document(
    name: str = "1",
    revoked: Iterable[int] = (),
    *,
    signer: str = SIGNER,
    headers: dict[str, Any] | None = None,
    **claims: Any,
) -> str:
    """A Status List Token. A claim or header that is None is left out."""
    now = int(time.time())
    header = {"alg": "RS256", "typ": "statuslist+jwt", "kid": signer, **(headers or {})}
    status_list = {"bits": 1, "lst": pack(statuses(revoked))}
    made = {"sub": f"{URI}/{name}", "iat": now, "exp": now + 300, "ttl": 2, "status_list": status_list, **claims}
    return sign(_json(header), _json(made), private_key(signer))


def _json(members: dict[str, Any]) -> bytes:
    return json.dumps({name: value for name, value in members.items() if value is not None}).encode()


@dataclass
class StatusEndpoint:
    """/oauth/status-lists and the paths below it. A list is signed when it changes, and by `resign`."""

    documents: dict[str, str] = field(default_factory=dict)
    revoked: dict[str, set[int]] = field(default_factory=dict)
    aggregation: bytes | None = None
    media_type: str | None = None
    status: int = 200
    cached: dict[str, str] = field(default_factory=dict)  # what a cache on the way answers instead
    requests: list[tuple[str, str | None]] = field(default_factory=list)  # path with query, If-None-Match

    def publish(self, name: str, **claims: Any) -> None:
        self.documents[name] = document(name, self.revoked.setdefault(name, set()), **claims)

    def revoke(self, name: str, index: int, **claims: Any) -> None:
        self.revoked.setdefault(name, set()).add(index)
        self.publish(name, **claims)

    def cache(self) -> None:
        """From now on answer with the present documents, also when they have changed, until `cached` is cleared."""
        self.cached = dict(self.documents)

    def talk_nonsense(self, media_type: str) -> None:
        """Send all documents with this media type, and publish changed lists."""
        self.media_type = media_type
        self.publish("1", nonce=1)
        self.publish("2")

    def answer(self, path: str, etag: str | None) -> tuple[int, dict[str, str], bytes]:
        self.requests.append((path, etag))
        name = path.partition("?")[0].removeprefix("/oauth/status-lists").removeprefix("/")
        if self.status != 200 or (name and name not in self.documents):
            return self.status if self.status != 200 else 404, {}, b""
        body, media_type = (self.documents | self.cached)[name].encode() if name else b"", "application/statuslist+jwt"
        if not name:
            listed = {"status_lists": [f"{URI}/{name}" for name in self.documents]}
            body, media_type = self.aggregation or json.dumps(listed).encode(), "application/json"
        made = f'"{hashlib.sha256(body).hexdigest()}"'
        if etag == made:
            return 304, {"ETag": made}, b""
        headers = {"ETag": made, "Cache-Control": "public, max-age=1", "Content-Type": self.media_type or media_type}
        return 200, headers, body

    def fetched(self, name: str) -> list[str]:
        """The requests for one list, with their queries."""
        prefix = f"/oauth/status-lists/{name}"
        return [path for path, _ in self.requests if path.partition("?")[0] == prefix]
