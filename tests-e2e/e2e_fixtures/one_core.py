"""For benches that compare programs on one core: load by wrk, and what openssl does on the same core."""

import os
import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

CONNECTIONS, SECONDS = 8, 3


def leave(core: int, cores: Iterable[int]) -> None:
    """Let this process, and what it starts from now on, run on the other cores, if there are any."""
    os.sched_setaffinity(0, set(cores) - {core} or set(cores))


def wrk(url: str, lua: str, folder: Path) -> str:
    """The output of a round of load by this script. An error or an answer of 400 or more ends the bench."""
    script = folder / "load.lua"
    script.write_text(lua, encoding="utf-8")
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--timeout", "10s", "-s", str(script), url]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    if "Non-2xx" in ran.stdout or "Socket errors" in ran.stdout:
        raise SystemExit(f"{url} failed:\n{ran.stdout}{ran.stderr}")
    return ran.stdout


def rate(output: str) -> float:
    """Answers per second."""
    return found(r"Requests/sec:\s+([\d.]+)", output)


def openssl_speed(core: int, algorithm: str, pattern: str) -> float:
    """A number of `openssl speed`. It counts by the clock, as wrk does, so that other load slows both."""
    command = ["taskset", "-c", str(core), "openssl", "speed", "-elapsed", "-seconds", "1", algorithm]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return found(pattern, ran.stdout)


def found(pattern: str, text: str) -> float:
    match = re.search(pattern, text)
    if match is None:
        raise SystemExit(f"no {pattern} in:\n{text}")
    return float(match[1])
