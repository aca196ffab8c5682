"""The duration of a start, and the memory of each process of the services when it is ready, before any traffic.

    python tests-e2e/bench/memory.py

A cold start is the first start of a fresh copy on a machine with only Python and nginx, so packages are downloaded. A
warm start is the second start of the same copy. Whatever can be turned on by a setting is on.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path += map(str, Path(__file__).resolve().parents[1:3])

from deploy.local.ports import free_port

from e2e_fixtures.checkout import Checkout

STARTS = {"cold start": 120.0, "warm start": 8.0}  # targets in seconds
PROCESSES = {"auth_service serve": 110.0, "auth_service worker": 100.0, "todo_service serve": 95.0}  # and in megabytes
TARGETS = STARTS | PROCESSES
EVERYTHING = {
    "AUTH_MAIL_URL": "console:",
    "AUTH_MAIL_FROM": "no-reply@example.com",
    "AUTH_REQUIRE_VERIFIED_EMAIL": "on",
    "AUTH_REQUIRE_SECOND_FACTOR": "on",
    "AUTH_REGISTRATION": "open",
    "AUTH_TRUSTED_ORIGINS": "https://app.example.com",
    "AUTH_PASSKEY_ORIGINS": "https://app.example.com",
    "AUTH_PWNED_PASSWORDS_URL": "https://api.pwnedpasswords.com/range",
    "AUTH_REDIS_URL": "redis://127.0.0.1:1/0",  # nobody listens there: it counts as lost
}


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        checkout = Checkout.copy(Path(folder) / "checkout", packages=False)
        try:
            measured = {"cold start": start(checkout)}
            checkout.run("down")
            measured["warm start"] = start(checkout)
            measured |= {name: rss_mb(pid) for pid, name in services(checkout).items()}
        finally:
            checkout.run("down")
    return report(measured)


def start(checkout: Checkout) -> float:
    """Seconds until `up --detach` returns; the system is ready then."""
    begun = time.perf_counter()
    up = checkout.run("up", "--detach", "--port", str(free_port()), **EVERYTHING)
    if up.returncode != 0:
        sys.exit(up.stderr)
    return time.perf_counter() - begun


def services(checkout: Checkout) -> dict[int, str]:
    """The processes of the services, by process id."""
    running = json.loads((checkout.folder / ".run/run.json").read_text(encoding="utf-8"))
    commands = {int(pid): _command(pid) for pid in running["processes"]}
    return {pid: name for name in PROCESSES for pid, command in commands.items() if f"-m {name}" in command}


def _command(pid: str) -> str:
    return subprocess.run(["ps", "-ww", "-o", "command=", "-p", pid], capture_output=True, text=True, check=True).stdout


def rss_mb(pid: int) -> float:
    """VmRSS in megabytes of a million bytes (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    kibibytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))
    return int(kibibytes) * 1024 / 1e6


def report(measured: dict[str, float]) -> int:
    reached = {name: value <= TARGETS[name] for name, value in measured.items()}
    for name, value in measured.items():
        missed, unit = "" if reached[name] else "  MISSED", "s" if name in STARTS else "MB"
        print(f"{name:20}{value:7.1f} {unit:3} (target: at most {TARGETS[name]:g}){missed}")
    return 0 if measured.keys() == TARGETS.keys() and all(reached.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
