"""The time from a revocation at the issuer to the API's first 401 for the token.

    python tests-e2e/bench/revocation.py [TRIALS]

Sign-out, suspension and client deletion take turns, once with polling only and once with the hint stream. Several
trials run at once, so that they fall on all moments between two polls. Each asks the API every 20 ms through the
gateway. The measured time begins at the instant that the issuer stores with the revocation. That is before its
transaction commits and before sign-out answers 200, so the bench measures a little more than the promise covers.

At the end the bench counts the octets of a status list with 100,000 used indexes, one in a hundred of them revoked.
"""

import random
import socket
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from itertools import cycle, islice
from pathlib import Path
from urllib.parse import urlsplit

sys.path += map(str, Path(__file__).resolve().parents[1:3])

import jwt

from e2e_fixtures.revocations import REVOCATIONS
from e2e_fixtures.stack import Stack, running_stack

TRIALS, AT_ONCE = 300, 4
ASKED_EVERY, GIVEN_UP_AFTER = 0.02, 60.0  # seconds
GIVEN_OUT, REVOKED, LIST_SIZE, MOST_OCTETS = 100_000, 1000, 2**17, 4096
TARGETS = {"polling": ("off", 6.0), "with hints": ("on", 1.0)}  # TODO_STATUS_HINTS, and seconds at p99


def main() -> int:
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else TRIALS
    print(f"{trials} trials each; seconds from the revocation to the API's first 401")
    reached = [measure(name, hints, target, trials) for name, (hints, target) in TARGETS.items()]
    return int(not all([*reached, measure_size()]))


def measure(name: str, hints: str, target: float, trials: int) -> bool:
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stack(Path(folder) / "checkout", "--no-limits", TODO_STATUS_HINTS=hints) as stack,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        kinds = list(islice(cycle(REVOCATIONS), trials))
        took = list(pool.map(lambda kind: trial(stack, kind), kinds))
    for kind in REVOCATIONS:
        report(f"{name}, {kind}", [seconds for each, seconds in zip(kinds, took, strict=True) if each == kind])
    p99 = report(name, took)
    print(f"target: {name}, p99 at most {target} s: {p99:.2f}, {'reached' if p99 <= target else 'MISSED'}", flush=True)
    return p99 <= target


def trial(stack: Stack, kind: str) -> float:
    revocable = REVOCATIONS[kind](stack)
    if revocable.status() != 200:
        raise SystemExit(f"{kind}: the API refuses the token before it is revoked")
    with ThreadPoolExecutor(1) as acting:
        ended = acting.submit(revocable.end)
        given_up_at = time.time() + GIVEN_UP_AFTER
        while (status := revocable.status()) != 401:
            if status != 200 or time.time() > given_up_at:
                raise SystemExit(f"{kind}: still {status}")
            time.sleep(ASKED_EVERY)
        refused_at = time.time()
        ended.result()
    return refused_at - revoked_at(stack, revocable.token)


def revoked_at(stack: Stack, token: str) -> float:
    """The stored time of the revocation, in seconds since the epoch."""
    claims = jwt.decode(token, options={"verify_signature": False})
    reference = claims["status"]["status_list"]
    where = int(reference["uri"].rpartition("-")[2]), reference["idx"]
    with closing(sqlite3.connect(stack.checkout.folder / ".run/auth.db", timeout=10)) as connection:
        query = "SELECT revoked_at FROM status_indexes WHERE list_id = ? AND idx = ?"
        [(stored,)] = connection.execute(query, where).fetchall()
    return datetime.fromisoformat(stored).replace(tzinfo=UTC).timestamp()


def measure_size() -> bool:
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder) / "checkout", "--no-limits") as stack:
        given_out = random.Random(1).sample(range(LIST_SIZE), GIVEN_OUT)
        revoked = [datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")] * REVOKED + [None] * (GIVEN_OUT - REVOKED)
        insert = "INSERT INTO status_indexes (list_id, idx, holder_id, revoked_at) VALUES (1, ?, 'x', ?)"
        with closing(sqlite3.connect(stack.checkout.folder / ".run/auth.db", timeout=10)) as connection:
            connection.executemany(insert, zip(given_out, revoked, strict=True))
            [(epoch,)] = connection.execute(
                "UPDATE status_lists SET version = ? WHERE id = 1 RETURNING epoch", [REVOKED]
            )
            connection.commit()
        path = f"/oauth/status-lists/{epoch}-1?v={REVOKED}"
        token = stack.client().get(path).text
        octets = octets_of_answer(stack, path)
    is_reached = octets <= MOST_OCTETS
    print(f"a list of {GIVEN_OUT:,} with {REVOKED:,} revoked: {octets} octets through the gateway, headers included;")
    print(
        f"target: at most {MOST_OCTETS}, {len(token)} of them the token: {'reached' if is_reached else 'MISSED'}",
        flush=True,
    )
    return is_reached


def octets_of_answer(stack: Stack, path: str) -> int:
    """The size of the whole response, requested as a verifier does: without compression."""
    gateway = urlsplit(stack.url)
    with socket.create_connection(("127.0.0.1", gateway.port or 80), 20) as connection:
        lines = (f"GET {path} HTTP/1.1", f"Host: {gateway.netloc}", "Accept-Encoding: identity", "Connection: close")
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return sum(map(len, iter(lambda: connection.recv(65536), b"")))


def report(name: str, seconds: Sequence[float]) -> float:
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] if ordered else 0.0
    if ordered:
        print(f"{name:30} median {statistics.median(ordered):5.2f}  p99 {p99:5.2f}  max {ordered[-1]:5.2f}")
    return p99


if __name__ == "__main__":
    sys.exit(main())
