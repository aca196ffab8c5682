"""auth-service is dead for an hour, and its tokens last two hours: how many valid tokens does the API refuse?

    python tests-e2e/bench/outage.py [MINUTES]

Five people read and write todos, each once a second, with the token that they got before the outage. A sixth person
signed out before the outage; that person's token must stay refused.
"""

import os
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path += map(str, Path(__file__).resolve().parents[1:3])

import httpx2

from e2e_fixtures.people import bearer, sign_up
from e2e_fixtures.stack import Stack, running_stack
from e2e_fixtures.waiting import wait_until

MINUTES, PEOPLE = 60.0, 5
TODOS = "/api/v1/todos"


def main() -> int:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stack(Path(folder) / "checkout", "--no-limits", AUTH_ACCESS_TOKEN_TTL="PT2H") as stack,
    ):
        return measure(stack, minutes)


def measure(stack: Stack, minutes: float) -> int:
    people = [sign_up(stack).api() for _ in range(PEOPLE)]
    gone = sign_up(stack)
    refused = stack.client(headers=bearer(gone.token()))
    gone.browser.post("/api/auth/sign-out")
    wait_until(lambda: refused.get(TODOS).status_code == 401)
    auth_service, supervisor = stack.pid("auth_service"), stack.running["pid"]
    os.kill(supervisor, signal.SIGSTOP)  # run.py would stop the other processes
    try:
        os.kill(auth_service, signal.SIGKILL)
        return report(minutes, *ask(people, refused, minutes))
    finally:
        os.kill(supervisor, signal.SIGCONT)
        wait_until(lambda: not (stack.checkout.folder / ".run/run.json").exists())


def ask(people: list[httpx2.Client], refused: httpx2.Client, minutes: float) -> tuple[Counter[int], Counter[int]]:
    good: Counter[int] = Counter()
    ended: Counter[int] = Counter()
    begun = told = time.monotonic()
    while (now := time.monotonic()) < begun + minutes * 60:
        for api in people:
            good[api.post(TODOS, json={"title": "Meanwhile"}).status_code] += 1
            good[api.get(TODOS).status_code] += 1
        ended[refused.get(TODOS).status_code] += 1
        if now > told + 300:
            told = now
            print(f"after {(now - begun) / 60:3.0f} minutes: {dict(good)}, revoked token: {dict(ended)}", flush=True)
        time.sleep(max(0.0, now + 1 - time.monotonic()))
    return good, ended


def report(minutes: float, good: Counter[int], ended: Counter[int]) -> int:
    reached = set(good) == {200, 201} and set(ended) == {401}
    print(f"auth-service dead for {minutes:g} minutes, tokens last two hours: answers {dict(good)}")
    print(f"token that was revoked before the outage: answers {dict(ended)}")
    print(f"target: no wrong 401: {good[401]} of {good.total()}, {'reached' if reached else 'MISSED'}")
    return int(not reached)


if __name__ == "__main__":
    sys.exit(main())
