"""One table of what the system has to reach; each row is measured by one of the other benchmarks, in fewer rounds.

    ./run.py bench all                    every row: a quarter of an hour on two cores that do nothing else
    ./run.py bench all:refresh            the rows that have the word in their names
    python -P tests-e2e/bench/all.py [WORD]

Most figures are ratios within one run, of medians of three rounds that take turns. What a row needs beside wrk and
Debian's postgresql is said by its own benchmark; a row that cannot be measured here says why.
"""

import importlib.util
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

sys.path += map(str, Path(__file__).resolve().parents[1:3])

import psycopg

from e2e_fixtures.people import sign_up
from e2e_fixtures.stack import running_stack

ROUNDS = 3
SERVICES = {"auth-service": "auth_service", "todo-service": "todo_service"}
LOADED = 20  # seconds of load before memory is read again


@dataclass(frozen=True)
class Row:
    """What is measured, what it was before, and what it has to reach: at least, or with a unit of cost at most."""

    name: str
    before: str
    goal: float
    unit: str = ""
    is_most: bool = False

    def line(self, value: float | None, why: str = "") -> str:
        wanted = f"{'≤' if self.is_most else '≥'} {self.goal:g}{self.unit}"
        if value is None:
            return f"{self.name:58}{self.before:>14}{wanted:>14}{'-':>12}  {why}"
        shown = f"{value:.0f}{self.unit}" if value >= 20 else f"{value:.2f}{self.unit}"
        return f"{self.name:58}{self.before:>14}{wanted:>14}{shown:>12}  {'' if self.reached(value) else 'MISSED'}"

    def reached(self, value: float) -> bool:
        return value <= self.goal if self.is_most else value >= self.goal


def most(name: str, before: str, goal: float, unit: str) -> Row:
    return Row(name, before, goal, unit, is_most=True)


def other(name: str) -> ModuleType:
    """Another benchmark as a module, set to ROUNDS."""
    spec = importlib.util.spec_from_file_location(f"bench_{name}", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    vars(module)["ROUNDS"] = ROUNDS
    return module


def tokens() -> Iterable[float]:
    rs256, es256, theirs, openssl, _ = other("token").measure()
    return rs256 / openssl, rs256 / theirs, es256 / rs256


def costs() -> Iterable[float]:
    calls = other("costs").measure()
    return [
        statistics.median(calls[name].costs) for name in ("refresh, ID token", "introspection", "client_credentials")
    ]


def sessions() -> Iterable[float]:
    found = other("session").measure(("get-session", "token"))
    return [ours / theirs for ours, theirs in found.values()]


def sign_ins() -> Iterable[float]:
    return [each.ratio for each in other("overhead").sign_in()]


def todos() -> Iterable[float]:
    """The rates with a thousand rows; and the p99 with a million beside it, of the call that loses most."""
    names = ("page of 50", "read", "create", "search of 50 by a word")
    small, large = other("todos").measure(names).values()
    return [*(small[name].rate for name in names[:3]), max(large[name].p99 / small[name].p99 for name in names)]


def neighbours() -> Iterable[float]:
    _, loaded, _ = other("sign_in").measure()
    return [each.percentile(0.99) for each in loaded.values()]


def gateway() -> Iterable[float]:
    return [each.ratio for each in other("overhead").gateway()]


def processes() -> Iterable[float]:
    return [each.ratio for each in other("overhead").processes()]


def growth() -> Iterable[float]:
    few, many = other("growth").measure()
    return [many / few]


def memory() -> Iterable[float]:
    """Megabytes of each service, idle and after a mixed load."""
    soak = other("soak")
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder) / "checkout", "--no-limits") as stack:
        idle = [soak.rss_mb(stack.pid(name)) for name in SERVICES.values()]
        vars(soak).update(SEGMENT=LOADED, PERIOD=LOADED)
        people = [sign_up(stack) for _ in range(soak.PEOPLE)]
        sizes: dict[str, list[float]] = {name: [] for name in soak.SERVICES}
        soak.soak(stack, people, soak.registered(stack), Path(folder), sizes)
        loaded = [size[-1] for size in sizes.values()]
    return [idle[0], loaded[0], idle[1], loaded[1]]


PARTS: tuple[tuple[Callable[[], Iterable[float]], tuple[Row, ...]], ...] = (
    (
        tokens,
        (
            Row("client_credentials RS256, of openssl's signatures", "0.52", 0.62),
            Row("client_credentials RS256, of oidc-provider", "1.05", 1.25),
            Row("client_credentials ES256, of RS256", "-", 2),
        ),
    ),
    (
        costs,
        (
            most("refresh with an ID token on PostgreSQL", "2,529 us", 1600, " us"),
            most("introspection on PostgreSQL", "2,309 us", 800, " us"),
            most("client_credentials, over a signature of 359 us", "690 us", 580, " us"),
        ),
    ),
    (
        sessions,
        (
            Row("get-session, of Better Auth (5,000 sessions)", "2.45", 4),
            Row("token, of Better Auth (5,000 sessions)", "2.8", 3.5),
        ),
    ),
    (
        sign_ins,
        (
            Row("sign-in, of bare Argon2id, limits off", "0.65", 0.9),
            Row("sign-in, of bare Argon2id, limits on", "0.55", 0.85),
        ),
    ),
    (
        todos,
        (
            Row("todo page of 50 on PostgreSQL", "398 /s", 900, " /s"),
            Row("todo read on PostgreSQL", "604 /s", 1400, " /s"),
            Row("todo create on PostgreSQL", "379 /s", 700, " /s"),
            most("todos, p99 with 10^6 rows, of 10^3", "1.05 to 1.8", 1.2, ""),
        ),
    ),
    (
        neighbours,
        (
            most("get-session, p99 during sign-ins", "12 to 30 ms", 10, " ms"),
            most("key set, p99 during sign-ins", "13 ms", 10, " ms"),
            most("todo read, p99 during sign-ins", "23 ms", 10, " ms"),
        ),
    ),
    (
        gateway,
        (
            most("gateway's share on the service's core, get-session", "0.15 to 0.25", 0.12, ""),
            most("gateway's share on the service's core, page of todos", "0.15 to 0.25", 0.12, ""),
        ),
    ),
    (processes, (Row("two processes, of one", "-", 1.8),)),
    (growth, (most("sessions, p99 with 10^6 accounts, of 5*10^3", "1.05 to 1.8", 1.2, ""),)),
    (
        memory,
        (
            most("memory idle, auth-service", "100 to 109 MB", 90, " MB"),
            most("memory after load, auth-service", "160 MB", 130, " MB"),
            most("memory idle, todo-service", "110 MB", 90, " MB"),
            most("memory after load, todo-service", "120 MB", 110, " MB"),
        ),
    ),
)


def main() -> int:
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    parts = [(measure, rows) for measure, rows in PARTS if any(word in row.name for row in rows)]
    if not parts:
        print(f"No row has {word!r} in its name.", file=sys.stderr)
        return 2
    begun = time.monotonic()
    print(*about_this_machine(), sep="\n")
    print(f"\n{'':58}{'before':>14}{'goal':>14}{'now':>12}")
    missed = [row for measure, rows in parts for row in measured(measure, rows, word)]
    minutes = (time.monotonic() - begun) / 60
    print(f"\n{len(missed)} rows missed; {minutes:.0f} minutes, load {os.getloadavg()[0]:.1f} after")
    return int(bool(missed))


def measured(measure: Callable[[], Iterable[float]], rows: tuple[Row, ...], word: str) -> Iterator[Row]:
    """Measure and print a part's rows; yield those that are not reached."""
    try:
        with redirect_stdout(sys.stderr):  # what a part says meanwhile is not in the table
            values: Iterable[float | None] = list(measure())
        why = ""
    except (SystemExit, OSError, subprocess.CalledProcessError) as error:  # a tool is missing, or a server refuses
        values, why = [None] * len(rows), str(error).partition("\n")[0]
    for row, value in zip(rows, values, strict=True):
        if word in row.name:
            print(row.line(value, why), flush=True)
            if value is None or not row.reached(value):
                yield row


def about_this_machine() -> Iterator[str]:
    yield f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, {processor()}, load {os.getloadavg()[0]:.1f} before"
    postgres = max(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]), default="")
    tools = {
        "Node.js": ["node", "--version"],
        "OpenSSL": ["openssl", "version"],
        "nginx": ["nginx", "-v"],
        "PostgreSQL": [str(postgres), "-V"],
        "wrk": ["wrk", "-v"],
    }
    found = [f"{name} {number}" for name, command in tools.items() if (number := version(command))]
    if number := version_in_image():
        found.append(f"PostgreSQL of the todos {number} (in a container)")
    yield ", ".join((f"Python {sys.version.split()[0]}", f"psycopg {psycopg.__version__}", *found))


def processor() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "unknown processor")


def version_in_image() -> str:
    """The version of the PostgreSQL that todos.py starts; empty where it uses the installed one."""
    command = ["docker", "run", "--rm", "--pull=never", "--entrypoint=postgres", other("todos").stores.IMAGE, "-V"]
    return version(command)


def version(command: list[str]) -> str:
    """The first number with a dot that the command says."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    said = re.search(r"\d+\.[\d.]+", done.stdout + done.stderr)
    return said[0] if said else ""


if __name__ == "__main__":
    sys.exit(main())
