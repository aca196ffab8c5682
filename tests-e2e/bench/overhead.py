"""What a sign-in adds to its Argon2id hash, what the gateway takes from a service, and what a second process gives.

    python tests-e2e/bench/overhead.py            needs wrk

Sign-in: its share of the rate of bare Argon2id with the same parameters on the same core, with limits off and on.
Gateway: the share of a service's rate that is lost when nginx works on the service's own core.
Processes: the rate of tokens with `--workers 2` beside that with one, with every core; wrk takes a part of one of them.
What is compared takes turns, and the figures are ratios of the medians.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

sys.path += map(str, Path(__file__).resolve().parents[1:3])

from e2e_fixtures.people import PASSWORD, bearer, sign_up
from e2e_fixtures.stack import Stack, running_stack
from e2e_fixtures.wrk import SECONDS, Asked, load, pin

ROUNDS = 3
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ROBOT = {"client_name": "Robot", "grant_types": ["client_credentials"], "scope": "todos:read"}
BARE = f"""
import time
from argon2 import PasswordHasher
hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
known, count, begun = hasher.hash("{PASSWORD}"), 0, time.monotonic()
while time.monotonic() < begun + {SECONDS}:
    hasher.verify(known, "{PASSWORD}")
    count += 1
print(count / (time.monotonic() - begun))
"""


@dataclass(frozen=True)
class Figure:
    """A ratio, and what it has to reach: at least, or for a loss at most."""

    name: str
    ratio: float
    goal: float
    is_most: bool = False

    @property
    def is_reached(self) -> bool:
        return self.ratio <= self.goal if self.is_most else self.ratio >= self.goal


def main() -> int:
    if shutil.which("wrk") is None:
        print("wrk is not installed (Debian and Ubuntu: sudo apt-get install wrk)", file=sys.stderr)
        return 1
    figures = [*sign_in(), *gateway(), *processes()]
    print(f"ratios of the medians of {ROUNDS} alternating rounds of {SECONDS} s")
    for each in figures:
        print(f"{each.name:40}{each.ratio:6.2f}   {'at most' if each.is_most else 'at least'} {each.goal:.2f}")
    return int(not all(each.is_reached for each in figures))


def sign_in() -> Sequence[Figure]:
    cores = os.sched_getaffinity(0)
    core = max(cores)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stack(Path(folder) / "off", "--no-limits") as off,
        running_stack(Path(folder) / "on") as on,
    ):
        rates: dict[str, list[float]] = {"bare": [], "off": [], "on": []}
        asked = {name: [_signing_in(stack)] for name, stack in (("off", off), ("on", on))}
        for stack in (off, on):
            pin(stack.pid("auth_service"), core)
        os.sched_setaffinity(0, cores - {core} or cores)
        for _ in range(ROUNDS):
            for name, stack in (("off", off), ("on", on)):
                rates[name].append(load(stack.own_url("auth"), asked[name], Path(folder), connections=2).rate)
            bare = ["taskset", "-c", str(core), sys.executable, "-c", BARE]
            rates["bare"].append(float(subprocess.run(bare, capture_output=True, text=True, check=True).stdout))
        os.sched_setaffinity(0, cores)
    return (
        Figure("sign-in of bare Argon2id, limits off", _ratio(rates, "off", "bare"), 0.90),
        Figure("sign-in of bare Argon2id, limits on", _ratio(rates, "on", "bare"), 0.85),
    )


def _signing_in(stack: Stack) -> Asked:
    body = json.dumps({"email": sign_up(stack).email, "password": PASSWORD})
    return Asked("/api/auth/sign-in/email", {**JSON, "Origin": stack.url}, "POST", body)


def gateway() -> Sequence[Figure]:
    """Without limits, which would end the measurement."""
    cores = os.sched_getaffinity(0)
    core = max(cores)
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder) / "checkout", "--no-limits") as stack:
        person = sign_up(stack)
        cookie = "; ".join(f"{name}={value}" for name, value in person.browser.cookies.items())
        asked = {
            "auth": Asked("/api/auth/get-session", {"Cookie": cookie, "Origin": stack.url}),
            "todo": Asked("/api/v1/todos", bearer(person.token())),
        }
        for name in ("auth_service", "todo_service", "nginx"):
            pin(stack.pid(name), core)
        os.sched_setaffinity(0, cores - {core} or cores)
        rates: dict[str, list[float]] = {}
        for _ in range(ROUNDS):
            for service, request in asked.items():
                for way, url in (("direct", stack.own_url(service)), ("gateway", stack.url)):
                    rates.setdefault(f"{service} {way}", []).append(load(url, [request], Path(folder)).rate)
        os.sched_setaffinity(0, cores)
    return [
        Figure(f"gateway's share: {what}", 1 - _ratio(rates, f"{service} gateway", f"{service} direct"), 0.12, True)
        for service, what in (("auth", "get-session"), ("todo", "page of todos"))
    ]


def processes() -> Sequence[Figure]:
    with (
        tempfile.TemporaryDirectory() as folder,
        running_stack(Path(folder) / "one", "--no-limits") as one,
        running_stack(Path(folder) / "two", "--no-limits", "--workers", "2") as two,
    ):
        rates: dict[str, list[float]] = {"one": [], "two": []}
        asked = {name: [_asking_for_tokens(stack)] for name, stack in (("one", one), ("two", two))}
        for _ in range(ROUNDS):
            for name, stack in (("one", one), ("two", two)):
                rates[name].append(load(stack.own_url("auth"), asked[name], Path(folder), connections=16).rate)
    return [Figure("tokens of two processes, of one's", _ratio(rates, "two", "one"), 1.8)]


def _asking_for_tokens(stack: Stack) -> Asked:
    made = stack.checkout.run("auth", "clients", "create", stdin=json.dumps(ROBOT))
    client = json.loads(made.stdout)
    secret = b64encode(f"{client['client_id']}:{client['client_secret']}".encode()).decode()
    return Asked("/oauth/token", {**FORM, "Authorization": f"Basic {secret}"}, "POST", "grant_type=client_credentials")


def _ratio(rates: Mapping[str, Sequence[float]], of: str, to: str) -> float:
    return statistics.median(rates[of]) / statistics.median(rates[to])


if __name__ == "__main__":
    sys.exit(main())
