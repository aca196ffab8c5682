"""The effect of many sign-ins on other requests: `wrk` signs in, while others are answered at a steady rate.

    python tests-e2e/bench/sign_in.py

The others are a session and the key set at auth-service, and a todo at todo-service, each on the service's own port. A
latency begins when a request was due, not when it was sent. So a late answer also counts against the requests that
were due in the meantime (no coordinated omission).
"""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

sys.path += map(str, Path(__file__).resolve().parents[1:3])

from e2e_fixtures.people import PASSWORD, Person, sign_up
from e2e_fixtures.stack import Stack, running_stack

RATE, SECONDS, WARM_UP = 50, 20, 3  # requests of each kind per second
CONNECTIONS, THREADS = 16, 2
TARGET_MS = 10


def main() -> int:
    if shutil.which("wrk") is None:
        print("wrk is not installed (Debian and Ubuntu: sudo apt-get install wrk)", file=sys.stderr)
        return 1
    idle, loaded, wrk = measure()
    return report(idle, loaded, wrk)


def measure() -> tuple[dict[str, "Latencies"], dict[str, "Latencies"], str]:
    """Latencies by what is asked, without and with sign-ins; and what wrk says about these."""
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder) / "checkout", "--no-limits") as stack:
        person = sign_up(stack)
        asked = asked_by(person)
        idle = asyncio.run(ask_all(asked))
        with storm(stack, Path(folder)) as wrk:
            time.sleep(WARM_UP)
            loaded = asyncio.run(ask_all(asked))
            return idle, loaded, wrk.communicate()[0]


@dataclass(frozen=True)
class Asked:
    port: int
    head: str


def asked_by(person: Person) -> dict[str, Asked]:
    """The requests, on the services' own ports: the gateway would answer some from its cache."""
    stack = person.stack
    cookie = "; ".join(f"{name}={value}" for name, value in person.browser.cookies.items())
    made = person.api().post("/api/v1/todos", json={"title": "Buy milk"})
    paths = {
        "get-session": ("auth", f"/api/auth/get-session HTTP/1.1\r\nCookie: {cookie}\r\nOrigin: {stack.url}"),
        "key set": ("auth", "/.well-known/jwks.json HTTP/1.1"),
        "todo": ("todo", f"{made.headers['Location']} HTTP/1.1\r\nAuthorization: Bearer {person.token()}"),
    }
    return {
        name: Asked(urlsplit(stack.own_url(service)).port or 0, f"GET {head}\r\nHost: localhost\r\n\r\n")
        for name, (service, head) in paths.items()
    }


def storm(stack: Stack, folder: Path) -> "subprocess.Popen[str]":
    """Start wrk, which signs in one account through the gateway until after the measurement."""
    script = folder / "sign_in.lua"
    body = f'{{"email": "{sign_up(stack).email}", "password": "{PASSWORD}"}}'
    script.write_text(
        f"wrk.method = 'POST'\nwrk.body = '{body}'\nwrk.headers['Content-Type'] = 'application/json'\n",
        encoding="utf-8",
    )
    duration = f"{WARM_UP + SECONDS + 2}s"
    wrk = ["wrk", f"-t{THREADS}", f"-c{CONNECTIONS}", f"-d{duration}", "--latency", "--timeout", "10s", "-s"]
    url = f"{stack.url}/api/auth/sign-in/email"
    return subprocess.Popen([*wrk, str(script), url], stdout=subprocess.PIPE, text=True)


@dataclass(frozen=True)
class Latencies:
    """Milliseconds, in rising order."""

    sorted_ms: Sequence[float]
    failed: int

    def percentile(self, share: float) -> float:
        return self.sorted_ms[min(int(len(self.sorted_ms) * share), len(self.sorted_ms) - 1)]

    def __str__(self) -> str:
        shown = "  ".join(f"p{share:g} {self.percentile(share / 100):6.1f} ms" for share in (50, 99, 99.9))
        return f"{shown}  max {self.sorted_ms[-1]:6.1f} ms  ({len(self.sorted_ms)} answers, {self.failed} failed)"


async def ask_all(asked: Mapping[str, Asked]) -> dict[str, Latencies]:
    found = await asyncio.gather(*map(ask_at_a_steady_rate, asked.values()))
    return dict(zip(asked, found, strict=True))


async def ask_at_a_steady_rate(asked: Asked) -> Latencies:
    idle: asyncio.LifoQueue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.LifoQueue()
    loop, latencies, failed = asyncio.get_running_loop(), [], 0

    async def ask(due: float) -> None:
        nonlocal failed
        try:
            reader, writer = (
                idle.get_nowait() if not idle.empty() else await asyncio.open_connection("127.0.0.1", asked.port)
            )
            writer.write(asked.head.encode())
            await _read_answer(reader)
        except (OSError, asyncio.IncompleteReadError, ValueError):
            failed += 1
            return
        latencies.append((loop.time() - due) * 1000)
        idle.put_nowait((reader, writer))

    begun = loop.time() + 0.1
    async with asyncio.TaskGroup() as group:
        for number in range(RATE * SECONDS):
            due = begun + number / RATE
            await asyncio.sleep(due - loop.time())
            group.create_task(ask(due))
    while not idle.empty():
        idle.get_nowait()[1].close()
    return Latencies(sorted(latencies), failed)


async def _read_answer(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200 "):
        raise ValueError(head)
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    await reader.readexactly(int(length[1]) if length else 0)


def report(idle: Mapping[str, Latencies], loaded: Mapping[str, Latencies], wrk: str) -> int:
    rate, p50, p99 = (
        found[1] if (found := re.search(pattern, wrk)) else "?"
        for pattern in (r"Requests/sec:\s+([\d.]+)", r"50%\s+(\S+)", r"99%\s+(\S+)")
    )
    print(f"{os.cpu_count()} cores; wrk -c{CONNECTIONS} on sign-in through the gateway, limits off")
    print(f"sign-in             {rate}/s  p50 {p50}  p99 {p99}")
    for line in re.findall(r"(?:Non-2xx|Socket errors).*", wrk):
        print(f"                    {line.strip()}")
    print(f"{RATE} of each per second, on the services' own ports")
    for name in loaded:
        print(f"{name:12} idle            {idle[name]}")
        print(f"{'':12} during sign-ins {loaded[name]}")
    reached = all(each.percentile(0.99) <= TARGET_MS and each.failed == 0 for each in loaded.values())
    print(f"target: p99 at most {TARGET_MS} ms: {'reached' if reached else 'MISSED'}")
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
