"""get-session, token and sign-in of auth-service compared with npm's Better Auth, in one run.

    python tests-e2e/bench/session.py

Both use SQLite, RS256 and the jwt header, without a gateway and without limits. 5,000 people are signed in, and ask one
after the other: what is kept for a session is rarely still good when it asks again, as in earnest. (One session would
get the same token for a second.) Their rows are copies of a person who did sign up, with own ids and handles. The
rounds alternate, so that other load on the machine slows both. The result is the ratio of the medians. The first run
builds Better Auth with npm, which takes a minute or two for better-sqlite3.
"""

import base64
import hmac
import json
import re
import secrets
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

sys.path += map(str, Path(__file__).resolve().parents[1:3])
sys.path.append(str(Path(__file__).resolve().parents[2] / "auth-service"))

import httpx2
from deploy.local.ports import free_port

from auth_service.sealed.signed_values import ValueSigner
from auth_service.sealed.versioned_secrets import parse_secrets
from e2e_fixtures.checkout import ROOT
from e2e_fixtures.npm import installed
from e2e_fixtures.people import PASSWORD
from e2e_fixtures.stack import running_stack
from e2e_fixtures.waiting import wait_until

ROUNDS, SECONDS, CONNECTIONS = 5, 3, 8
PEOPLE = 5_000
WARMING = 20  # seconds in which each session asks once, before anything is measured
READS = ("get-session", "token")
TARGETS = {"get-session": 4.0, "token": 3.5, "sign-in/email": 2.0}
PEER = ROOT / "tests-e2e/bench/better-auth"
PEER_SECRET = "a-secret-of-the-benchmark-alone-and-of-nothing-else"
Sign = Callable[[str], str]  # a session's handle: its credential


@dataclass(frozen=True)
class Server:
    """A server's address, the origin that it trusts, an account, and the credentials of people who are signed in."""

    url: str
    origin: str
    email: str
    bearers: list[str]


def main() -> int:
    for tool in ("wrk", "node"):
        if shutil.which(tool) is None:
            print(f"{tool} is not installed (Debian and Ubuntu: sudo apt-get install wrk nodejs npm)", file=sys.stderr)
            return 1
    return report(measure(tuple(TARGETS)))


def measure(names: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Requests per second of ours and of the peer."""
    with (
        tempfile.TemporaryDirectory() as folder,
        peer(Path(folder)) as theirs,
        running_stack(Path(folder) / "checkout", "--no-limits") as stack,
    ):
        state = stack.checkout.folder / ".run"
        signer = ValueSigner(
            parse_secrets((state / "secrets/auth_secret").read_text(encoding="utf-8")), "session_token"
        )
        ours = signed_in(stack.own_url("auth"), stack.url)
        ours.bearers[:] = copies(state / "auth.db", "accounts", "browser_sessions", "account_id", signer.sign)
        for name in READS:
            for server in (ours, theirs):
                load(name, server, Path(folder), seconds=WARMING)
        print_versions()
        return {name: compare(name, ours, theirs, Path(folder)) for name in names}


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
        server = signed_in(url, url)
        server.bearers[:] = copies(folder / "peer.db", "user", "session", "userId", sign_as_peer)
        yield server
    finally:
        process.terminate()
        process.wait(10)


def answers(url: str) -> bool:
    try:
        return httpx2.get(url).status_code == 200
    except httpx2.TransportError:
        return False


def signed_in(url: str, origin: str) -> Server:
    """A server with the person whose rows are copied."""
    email = "bench@example.com"
    body = {"name": "Bench", "email": email, "password": PASSWORD}
    response = httpx2.post(f"{url}/api/auth/sign-up/email", json=body, headers={"Origin": origin}, timeout=30)
    response.raise_for_status()
    return Server(url, origin, email, [])


def copies(path: Path, people: str, sessions: str, owner: str, sign: Sign) -> list[str]:
    """Copy the person and the session in an SQLite database PEOPLE times; the credentials of the copies."""
    bearers = []
    connection = sqlite3.connect(path, timeout=30)
    connection.row_factory = sqlite3.Row
    with connection:
        person = dict(connection.execute(f'SELECT * FROM "{people}"').fetchone())
        session = dict(connection.execute(f'SELECT * FROM "{sessions}"').fetchone())
        for number in range(PEOPLE):
            key, handle = secrets.token_hex(16), secrets.token_urlsafe(24)
            insert(connection, people, person | {"id": key, "email": f"bench{number}@example.com"})
            insert(connection, sessions, session | {"id": secrets.token_hex(16), "token": handle, owner: key})
            bearers.append(sign(handle))
    connection.close()
    return bearers


def insert(connection: sqlite3.Connection, table: str, row: dict[str, object]) -> None:
    names, places = ", ".join(f'"{name}"' for name in row), ", ".join("?" * len(row))
    connection.execute(f'INSERT INTO "{table}" ({names}) VALUES ({places})', list(row.values()))


def sign_as_peer(handle: str) -> str:
    """The credential of Better Auth's bearer plugin."""
    return f"{handle}.{base64.b64encode(hmac.digest(PEER_SECRET.encode(), handle.encode(), 'sha256')).decode()}"


def print_versions() -> None:
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout.strip()
    locked = json.loads((PEER / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    theirs = locked["node_modules/better-auth"]["version"]
    print(f"Python {sys.version.split()[0]}; Better Auth {theirs} on Node.js {node}; {PEOPLE} people signed in at each")


def compare(name: str, ours: Server, theirs: Server, folder: Path) -> tuple[float, float]:
    rates: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for server, measured in zip((ours, theirs), rates, strict=True):
            measured.append(load(name, server, folder))
    return statistics.median(rates[0]), statistics.median(rates[1])


def load(name: str, server: Server, folder: Path, seconds: int = SECONDS) -> float:
    """Requests per second; an answer other than 200 aborts the bench."""
    script = folder / "load.lua"
    body = f'{{"email": "{server.email}", "password": "{PASSWORD}"}}'
    sign_in = f"wrk.method = 'POST'\nwrk.body = '{body}'\nwrk.headers['Content-Type'] = 'application/json'\n"
    origin = f"wrk.headers['Origin'] = '{server.origin}'\n"
    script.write_text(origin + (sign_in if name not in READS else in_turn(server.bearers)), encoding="utf-8")
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s", str(script)]
    ran = subprocess.run([*command, f"{server.url}/api/auth/{name}"], capture_output=True, text=True, check=True)
    if "Non-2xx" in ran.stdout or "Socket errors" in ran.stdout:
        raise SystemExit(f"{name} at {server.url} failed:\n{ran.stdout}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", ran.stdout)
    return float(found[1]) if found else 0.0


def in_turn(bearers: list[str]) -> str:
    """A script for wrk that lets one person ask after the other. It begins anywhere, as each run begins anew."""
    listed = ",".join(f'"Bearer {bearer}"' for bearer in bearers)
    step = "at = at % #people + 1\nwrk.headers['Authorization'] = people[at]\nreturn wrk.format()"
    return f"local people = {{{listed}}}\nlocal at = {secrets.randbelow(PEOPLE)}\nfunction request()\n{step}\nend\n"


def report(results: dict[str, tuple[float, float]]) -> int:
    print(f"requests per second, {CONNECTIONS} connections; median of {ROUNDS} alternating rounds of {SECONDS} s")
    print(f"{'':16}{'auth-service':>14}{'Better Auth':>14}{'ratio':>8}{'target':>8}")
    for name, (ours, theirs) in results.items():
        print(f"{name:16}{ours:14.0f}{theirs:14.0f}{ours / theirs:8.1f}{TARGETS[name]:8.1f}")
    return int(any(ours < TARGETS[name] * theirs for name, (ours, theirs) in results.items()))


if __name__ == "__main__":
    sys.exit(main())
