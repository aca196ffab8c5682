"""The time from a sign-out to the first refusal, by each verifier: atjwt for Python, for TypeScript, and the sidecar.

    python tests-e2e/bench/signouts.py [SIGN_OUTS]

Each verifier runs as two processes: one only polls, the other also follows the issuer's hints. All six are asked every
50 ms with the same token, while its person signs out. Several people do so at once, so that the sign-outs fall on all
moments between two polls. The time begins when the sign-out is answered; a refusal before that counts as 0. Other load
on the machine makes all of it slower, so its load average is printed, too.
"""

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path += map(str, Path(__file__).resolve().parents[1:3])

from e2e_fixtures.people import sign_up
from e2e_fixtures.stack import Stack, running_stack
from e2e_fixtures.timed_verifiers import STARTS, Api, Verifier, report, running_verifiers

SIGN_OUTS, AT_ONCE = 120, 2


def main() -> int:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else SIGN_OUTS
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stack(Path(folder) / "checkout", "--no-limits") as stack,
        running_verifiers(
            stack, Path(folder), dict.fromkeys(STARTS, Api(f"{stack.url}/api/v1", "todos:read"))
        ) as verifiers,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        took = list(pool.map(lambda _: sign_out(stack, verifiers), range(count)))
    load = os.getloadavg()[0]
    print(f"{count} sign-outs; seconds from the answer to the first refusal; load average {load:.1f}")
    reached = [report(each, sorted(seconds)) for each, seconds in zip(verifiers, zip(*took, strict=True), strict=True)]
    return int(not all(reached))


def sign_out(stack: Stack, verifiers: Sequence[Verifier]) -> list[float]:
    """Seconds until each verifier refused the token of a person who signed out."""
    person = sign_up(stack)
    token = person.token()
    for each in verifiers:
        each.wait_until_accepted(token)
    with ThreadPoolExecutor(len(verifiers)) as asking:
        refusals = [asking.submit(each.refused_at, token) for each in verifiers]
        response = person.browser.post("/api/auth/sign-out", json={})
        if response.status_code != 200:
            raise SystemExit(f"sign-out: {response.status_code}")
        answered = time.monotonic()
        return [max(0.0, each.result() - answered) for each in refusals]


if __name__ == "__main__":
    sys.exit(main())
