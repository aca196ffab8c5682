"""wrk as a load generator for benchmarks, and the processes that it loads: their cores and processor time."""

import json
import os
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

CONNECTIONS, SECONDS = 8, 3


@dataclass(frozen=True)
class Asked:
    """One request, as wrk's Lua writes it."""

    path: str
    headers: dict[str, str] = field(default_factory=dict)
    method: str = "GET"
    body: str = ""

    def lua(self) -> str:
        headers = ",".join(f"[{json.dumps(name)}]={json.dumps(value)}" for name, value in self.headers.items())
        body = json.dumps(self.body) if self.body else "nil"
        return f"{{{json.dumps(self.method)},{json.dumps(self.path)},{{{headers}}},{body}}}"


@dataclass(frozen=True)
class Load:
    rate: float  # answers per second
    count: int
    p99_ms: float


def load(
    url: str, asked: Sequence[Asked], folder: Path, *, connections: int = CONNECTIONS, seconds: int = SECONDS
) -> Load:
    """Send the requests one after the other for some seconds. An answer other than 2xx or 3xx ends the benchmark."""
    script = folder / "load.lua"
    script.write_text(in_turn(asked), encoding="utf-8")
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "--timeout", "10s", "-s", str(script)]
    ran = subprocess.run([*command, url], capture_output=True, text=True, check=False)
    if ran.returncode or "Non-2xx" in ran.stdout or "Socket errors" in ran.stdout:
        raise SystemExit(f"{url} failed:\n{ran.stdout}{ran.stderr}")
    p99, unit = found(r"99%\s+([\d.]+)(us|ms|s)", ran.stdout)
    return Load(
        rate=float(found(r"Requests/sec:\s+([\d.]+)", ran.stdout)[0]),
        count=int(found(r"(\d+) requests in", ran.stdout)[0]),
        p99_ms=float(p99) * {"us": 0.001, "ms": 1, "s": 1000}[unit],
    )


def in_turn(asked: Sequence[Asked]) -> str:
    listed = ",".join(each.lua() for each in asked)
    step = "at = at % #asked + 1\nlocal it = asked[at]\nreturn wrk.format(it[1], it[2], it[3], it[4])"
    return f"local asked = {{{listed}}}\nlocal at = 0\nfunction request()\n{step}\nend\n"


def found(pattern: str, text: str) -> tuple[str, ...]:
    match = re.search(pattern, text)
    if match is None:
        raise SystemExit(f"no {pattern} in:\n{text}")
    return match.groups()


def tree(pid: int) -> list[int]:
    """The process and all that descend from it."""
    children = [
        int(child)
        for thread in Path(f"/proc/{pid}/task").iterdir()
        for child in (thread / "children").read_text(encoding="ascii").split()
    ]
    return [pid, *(each for child in children for each in tree(child))]


def pin(pid: int, core: int) -> None:
    """Let a process, all that descend from it and all their threads run on one core."""
    for each in tree(pid):
        for thread in Path(f"/proc/{each}/task").iterdir():
            os.sched_setaffinity(int(thread.name), {core})


def processor_seconds(pid: int) -> float:
    """Of the process and all that descend from it."""
    return sum(map(_processor_seconds, tree(pid)))


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
