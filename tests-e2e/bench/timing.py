"""Whether the time of a refused sign-in reveals an account: unknown address and wrong password, in pairs.

    python tests-e2e/bench/timing.py [PAIRS]

The two requests of a pair follow each other in random order, so that other load on the machine slows both. The result
is the mean difference with its 99 % confidence interval. Only the pairs between the fifth and the ninety-fifth
percentile count, because an interrupted pair says nothing about our code.
"""

import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path += map(str, Path(__file__).resolve().parents[1:3])

import httpx2

from e2e_fixtures.people import sign_up
from e2e_fixtures.stack import running_stack

PAIRS = 1000
TARGET_MS = 2.0
Z_99 = 2.576


def main() -> int:
    pairs = int(sys.argv[1]) if len(sys.argv) > 1 else PAIRS
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stack(Path(folder) / "checkout", "--no-limits") as stack,
        httpx2.Client(base_url=stack.own_url("auth"), headers={"Origin": stack.url}, timeout=30) as client,
    ):
        email = sign_up(stack).email
        for _ in range(20):
            refused_in(client, email)
        return report([difference(client, email) for _ in range(pairs)])


def difference(client: httpx2.Client, email: str) -> float:
    """Milliseconds that the unknown address took longer than the wrong password."""
    took: dict[str, float] = {}
    addresses = [email, f"{random.randrange(10**9)}@example.com"]
    unknown = addresses[1]
    for address in random.sample(addresses, 2):
        took[address] = refused_in(client, address)
    return took[unknown] - took[email]


def refused_in(client: httpx2.Client, email: str) -> float:
    body = {"email": email, "password": "not-the-password"}
    begun = time.perf_counter()
    response = client.post("/api/auth/sign-in/email", json=body)
    took = (time.perf_counter() - begun) * 1000
    if response.status_code != 401:
        raise SystemExit(f"{response.status_code}: {response.text}")
    return took


def report(differences: list[float]) -> int:
    ordered = sorted(differences)
    kept = ordered[len(ordered) // 20 : len(ordered) - len(ordered) // 20]
    mean = statistics.mean(kept)
    half = Z_99 * statistics.stdev(kept) / len(kept) ** 0.5
    low, high = mean - half, mean + half
    print(f"{len(differences)} pairs, {len(kept)} kept; unknown address minus wrong password")
    print(f"mean {mean:+.3f} ms, 99 % confidence {low:+.3f} to {high:+.3f} ms; target within {TARGET_MS} ms")
    return int(max(abs(low), abs(high)) >= TARGET_MS)


if __name__ == "__main__":
    sys.exit(main())
