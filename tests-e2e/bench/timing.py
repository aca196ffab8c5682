"""Whether the time of an answer reveals an account: a known and an unknown address, in pairs, for each way to ask.

    python tests-e2e/bench/timing.py [PAIRS]

    sign-in    a wrong password
    sign-up    while addresses have to be confirmed (AUTH_REQUIRE_VERIFIED_EMAIL); otherwise the answer tells it anyway
    reset      a link for a new password
    link       a link that signs in

The two requests of a pair follow each other in random order, so that other load on the machine slows both. The result
is the mean difference with its 99 % confidence interval. Only the pairs between the fifth and the ninety-fifth
percentile count, because an interrupted pair says nothing about our code. The ways take turns, too.
"""

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

sys.path += map(str, Path(__file__).resolve().parents[1:3])

import httpx2

from e2e_fixtures.people import PASSWORD, credentials
from e2e_fixtures.stack import running_stack

PAIRS = 2000
TARGET_MS = 1.0
Z_99 = 2.576
# Path, further members of the body, and the status of the answer.
WAYS: Mapping[str, tuple[str, Mapping[str, str], int]] = {
    "sign-in": ("sign-in/email", {"password": "not-the-password"}, 401),
    "sign-up": ("sign-up/email", {"password": PASSWORD, "name": "Ann"}, 200),
    "reset": ("request-password-reset", {}, 200),
    "link": ("sign-in/magic-link", {}, 200),
}


def main() -> int:
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stack(Path(folder) / "checkout", "--no-limits", AUTH_REQUIRE_VERIFIED_EMAIL="on") as stack,
        httpx2.Client(base_url=stack.own_url("auth"), headers={"Origin": stack.url}, timeout=30) as client,
    ):
        email = credentials()["email"]
        asked_in(client, "sign-up", email)
        for _ in range(20):
            for way in WAYS:
                difference(client, way, email)
        differences: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(pairs):
            for way, found in differences.items():
                found.append(difference(client, way, email))
        print(f"{pairs} pairs for each way; unknown minus known address; target within {TARGET_MS} ms")
        return max(report(way, found) for way, found in differences.items())


def difference(client: httpx2.Client, way: str, email: str) -> float:
    """Milliseconds that the answer for an unknown address took longer."""
    took: dict[str, float] = {}
    unknown = f"{random.randrange(10**15)}@example.com"
    for address in random.sample([email, unknown], 2):
        took[address] = asked_in(client, way, address)
    return took[unknown] - took[email]


def asked_in(client: httpx2.Client, way: str, email: str) -> float:
    path, members, status = WAYS[way]
    begun = time.perf_counter()
    response = client.post(f"/api/auth/{path}", json={"email": email, **members})
    took = (time.perf_counter() - begun) * 1000
    if response.status_code != status:
        raise SystemExit(f"{way}: {response.status_code}: {response.text}")
    return took


def report(way: str, differences: list[float]) -> int:
    ordered = sorted(differences)
    kept = ordered[len(ordered) // 20 : len(ordered) - len(ordered) // 20]
    mean = statistics.mean(kept)
    half = Z_99 * statistics.stdev(kept) / len(kept) ** 0.5
    low, high = mean - half, mean + half
    print(f"{way:10} mean {mean:+.3f} ms, 99 % confidence {low:+.3f} to {high:+.3f} ms ({len(kept)} pairs kept)")
    return int(max(abs(low), abs(high)) >= TARGET_MS)


if __name__ == "__main__":
    sys.exit(main())
