"""get-session, token and sign-in of auth-service compared with npm's Better Auth, in one run.

    python tests-e2e/bench/session.py

Both use SQLite, RS256 and the jwt header, without a gateway and without limits. The rounds alternate, so that other
load on the machine slows both. The result is the ratio of the medians. The first run builds Better Auth with npm, which
takes a minute or two for better-sqlite3.
"""

import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path += map(str, Path(__file__).resolve().parents[1:3])

import httpx2
from deploy.local.ports import free_port

from e2e_fixtures.checkout import ROOT
from e2e_fixtures.npm import installed
from e2e_fixtures.people import PASSWORD
from e2e_fixtures.stack import running_stack
from e2e_fixtures.waiting import wait_until

ROUNDS, SECONDS, CONNECTIONS = 5, 3, 8
TARGETS = {"get-session": 3.0, "token": 3.0, "sign-in/email": 2.0}
PEER = ROOT / "tests-e2e/bench/better-auth"


@dataclass(frozen=True)
class Server:
    """A server's address, the origin that it trusts, and the credentials of a signed-in account."""

    url: str
    origin: str
    email: str
    bearer: str


def main() -> int:
    for tool in ("wrk", "node"):
        if shutil.which(tool) is None:
            print(f"{tool} is not installed (Debian and Ubuntu: sudo apt-get install wrk nodejs npm)", file=sys.stderr)
            return 1
    with (
        tempfile.TemporaryDirectory() as folder,
        peer(Path(folder)) as theirs,
        running_stack(Path(folder) / "checkout", "--no-limits") as stack,
    ):
        ours = signed_up(stack.own_url("auth"), stack.url)
        return report({name: compare(name, ours, theirs, Path(folder)) for name in TARGETS})


@contextmanager
def peer(folder: Path) -> Iterator[Server]:
    """npm's Better Auth on a free port, in production mode."""
    port = free_port()
    command = ["node", "server.mjs", str(port), str(folder / "peer.db")]
    environ = {"NODE_ENV": "production", "PATH": "/usr/local/bin:/usr/bin:/bin"}
    process = subprocess.Popen(command, cwd=installed(PEER), env=environ)
    try:
        url = f"http://localhost:{port}"
        wait_until(lambda: answers(f"{url}/api/auth/ok"))
        yield signed_up(url, url)
    finally:
        process.terminate()
        process.wait(10)


def answers(url: str) -> bool:
    try:
        return httpx2.get(url).status_code == 200
    except httpx2.TransportError:
        return False


def signed_up(url: str, origin: str) -> Server:
    email = "bench@example.com"
    body = {"name": "Bench", "email": email, "password": PASSWORD}
    response = httpx2.post(f"{url}/api/auth/sign-up/email", json=body, headers={"Origin": origin}, timeout=30)
    response.raise_for_status()
    return Server(url, origin, email, response.headers["set-auth-token"])


def compare(name: str, ours: Server, theirs: Server, folder: Path) -> tuple[float, float]:
    rates: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for server, measured in zip((ours, theirs), rates, strict=True):
            measured.append(load(name, server, folder))
    return statistics.median(rates[0]), statistics.median(rates[1])


def load(name: str, server: Server, folder: Path) -> float:
    """Requests per second; an answer other than 200 aborts the bench."""
    script = folder / "load.lua"
    body = f'{{"email": "{server.email}", "password": "{PASSWORD}"}}'
    sign_in = f"wrk.method = 'POST'\nwrk.body = '{body}'\nwrk.headers['Content-Type'] = 'application/json'\n"
    read = f"wrk.headers['Authorization'] = 'Bearer {server.bearer}'\n"
    origin = f"wrk.headers['Origin'] = '{server.origin}'\n"
    script.write_text(origin + (sign_in if name.startswith("sign-in") else read), encoding="utf-8")
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--timeout", "10s", "-s", str(script)]
    ran = subprocess.run([*command, f"{server.url}/api/auth/{name}"], capture_output=True, text=True, check=True)
    if "Non-2xx" in ran.stdout or "Socket errors" in ran.stdout:
        raise SystemExit(f"{name} at {server.url} failed:\n{ran.stdout}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", ran.stdout)
    return float(found[1]) if found else 0.0


def report(results: dict[str, tuple[float, float]]) -> int:
    print(f"requests per second, {CONNECTIONS} connections; median of {ROUNDS} alternating rounds of {SECONDS} s")
    print(f"{'':16}{'auth-service':>14}{'Better Auth':>14}{'ratio':>8}{'target':>8}")
    for name, (ours, theirs) in results.items():
        print(f"{name:16}{ours:14.0f}{theirs:14.0f}{ours / theirs:8.1f}{TARGETS[name]:8.1f}")
    return int(any(ours < TARGETS[name] * theirs for name, (ours, theirs) in results.items()))


if __name__ == "__main__":
    sys.exit(main())
