"""What is no status list, by name. The lists are made when they are needed, as of `NOW`."""

import time
import zlib
from collections.abc import Callable, Iterable
from typing import Any

from atjwt import status_list
from todo_fixtures import status_lists
from todo_fixtures.issuer import encode, token
from todo_fixtures.status_lists import SIGNER, URI, pack

LIST = f"{URI}/1"
NOW = int(time.time())  # fixed, as a run of all tests takes longer than the leeway


def document(name: str = "1", revoked: Iterable[int] = (), **changes: Any) -> str:
    return status_lists.document(name, revoked, **{"iat": NOW, "exp": NOW + 300, **changes})


def status_list_of(octets: bytes, **changes: Any) -> dict[str, Any]:
    return {"bits": 1, "lst": pack(octets)} | changes


def compressed(octets: bytes) -> dict[str, Any]:
    return {"bits": 1, "lst": encode(octets)}


PACKED = zlib.compress(bytes(128), 9)
REFUSED: dict[str, Callable[[], str]] = {
    "another-list": lambda: document("2"),
    "of-another-issuer": lambda: document(sub="https://evil.example.com/oauth/status-lists/1"),
    "sub-absent": lambda: document(sub=None),
    "sub-longer": lambda: document(sub=f"{LIST}/"),
    "expired": lambda: document(iat=NOW - 400, exp=NOW - 61),
    "expires-before-it-begins": lambda: document(exp=NOW - 1),
    "lives-for-ever": lambda: document(exp=2**40),
    "from-the-future": lambda: document(iat=NOW + 3600, exp=NOW + 3900),
    "iat-absent": lambda: document(iat=None),
    "iat-string": lambda: document(iat=str(NOW)),
    "ttl-zero": lambda: document(ttl=0),
    "ttl-negative": lambda: document(ttl=-1),
    "typ-absent": lambda: document(headers={"typ": None}),
    "typ-JWT": lambda: document(headers={"typ": "JWT"}),
    "access-token": lambda: token(SIGNER),
    "alg-none": lambda: document(headers={"alg": "none"}),
    "crit": lambda: document(headers={"crit": ["x"]}),
    "signature-of-a-thief": lambda: document(signer="thief", headers={"kid": SIGNER}),
    "unsigned": lambda: document().rpartition(".")[0] + ".",
    "truncated": lambda: document()[:-10],
    "status_list-absent": lambda: document(status_list=None),
    "status_list-string": lambda: document(status_list="x"),
    "bits-absent": lambda: document(status_list={"lst": pack(bytes(8))}),
    "bits-2": lambda: document(status_list=status_list_of(bytes(8), bits=2)),
    "bits-string": lambda: document(status_list=status_list_of(bytes(8), bits="1")),
    "bits-true": lambda: document(status_list=status_list_of(bytes(8), bits=True)),
    "bits-decimal": lambda: document(status_list=status_list_of(bytes(8), bits=1.0)),
    "lst-absent": lambda: document(status_list={"bits": 1}),
    "lst-list": lambda: document(status_list={"bits": 1, "lst": [0]}),
    "lst-empty": lambda: document(status_list={"bits": 1, "lst": ""}),
    "lst-of-nothing": lambda: document(status_list=status_list_of(b"")),
    "lst-padded": lambda: document(status_list={"bits": 1, "lst": pack(bytes(9)) + "="}),
    "lst-not-base64": lambda: document(status_list={"bits": 1, "lst": "*"}),
    "lst-not-ascii": lambda: document(status_list={"bits": 1, "lst": "\xe9"}),
    "lst-not-compressed": lambda: document(status_list=compressed(bytes(8))),
    "lst-deflate-without-zlib": lambda: document(status_list=compressed(PACKED[2:-4])),
    "lst-cut-short": lambda: document(status_list=compressed(PACKED[:-1])),
    "lst-with-a-wrong-checksum": lambda: document(status_list=compressed(PACKED[:-1] + b"\xff")),
    "lst-with-more-behind-it": lambda: document(status_list=compressed(PACKED + b"x")),
    "bomb": lambda: document(status_list=status_list_of(bytes(100_000_000))),
    "one-octet-too-many": lambda: document(status_list=status_list_of(bytes(status_list.MAX_OCTETS + 1))),
    "too-long": lambda: document(padding="x" * status_list.MAX_LENGTH),
}
