"""What the token endpoint does in a second, one process: sign beside `openssl speed` and beside npm's `oidc-provider`.

    python -P tests-e2e/bench/token.py            needs wrk, openssl and npm (-P: Python has a module `token` too)

All that is compared takes turns on one core, and wrk has the rest; so what else the machine does is done to each, and
what counts are the ratios of the medians. Both servers authenticate the client by its secret and answer with an RS256
access token of the same kind (RFC 9068); neither is behind a gateway.
"""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

sys.path += map(str, Path(__file__).resolve().parents[1:3])

from e2e_fixtures.clients import CLIENTS
from e2e_fixtures.providers import Ours, Provider, running_control
from e2e_fixtures.stack import running_stack

ROUNDS, SECONDS, CONNECTIONS = 5, 3, 8
TO_OPENSSL, TO_PEER = 0.40, 1.0


@dataclass(frozen=True)
class Endpoint:
    """A token endpoint, and who asks it."""

    url: str
    client_id: str
    client_secret: str

    def script(self, body: str) -> str:
        """What wrk sends (RFC 6749 §2.3.1)."""
        credentials = b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        return (
            f"wrk.method = 'POST'\nwrk.body = '{body}'\n"
            "wrk.headers['Content-Type'] = 'application/x-www-form-urlencoded'\n"
            f"wrk.headers['Authorization'] = 'Basic {credentials}'\n"
        )


def main() -> int:
    for tool in ("wrk", "openssl", "npm"):
        if shutil.which(tool) is None:
            print(f"{tool} is not installed (Debian: sudo apt-get install wrk openssl npm)", file=sys.stderr)
            return 1
    cores = os.sched_getaffinity(0)
    with (
        tempfile.TemporaryDirectory() as folder,
        running_control() as control,
        running_stack(Path(folder) / "checkout", "--no-limits") as stack,
    ):
        ours, theirs = registered(Ours(stack), f"{stack.own_url('auth')}/oauth/token"), registered(control)
        core = max(cores)
        for pid in (stack.pid("auth_service"), control.pid):
            pin(pid, core)
        os.sched_setaffinity(0, cores - {core} or cores)  # and of wrk, which we start
        return report(*compare(ours, theirs, Path(folder), core))


def registered(provider: Provider, url: str = "") -> Endpoint:
    asked = {name: value for name, value in CLIENTS["robot"].items() if not name.startswith(("token_", "jwks"))}
    client = provider.register(**asked, default_resource=f"{provider.issuer}/api/v1")
    metadata = provider.client().get("/.well-known/openid-configuration").json()
    return Endpoint(url or metadata["token_endpoint"], client["client_id"], client["client_secret"])


def pin(pid: int, core: int) -> None:
    """Let a process and all its threads run on one core."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), {core})


def compare(ours: Endpoint, theirs: Endpoint, folder: Path, core: int) -> tuple[float, float, float]:
    """The medians of both servers' tokens and of openssl's signatures, a second."""
    rounds = []
    for _ in range(ROUNDS):
        rounds.append((load(ours, folder), load(theirs, folder), signatures(core)))
    measured = [statistics.median(column) for column in zip(*rounds, strict=True)]
    return measured[0], measured[1], measured[2]


def load(endpoint: Endpoint, folder: Path) -> float:
    """Tokens a second; an answer that is not 200 spoils the run."""
    script = folder / "token.lua"
    script.write_text(endpoint.script("grant_type=client_credentials&scope=todos:read"), encoding="utf-8")
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--timeout", "10s", "-s", str(script), endpoint.url]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    if "Non-2xx" in ran.stdout or "Socket errors" in ran.stdout:
        raise SystemExit(f"{endpoint.url} failed:\n{ran.stdout}")
    return found(r"Requests/sec:\s+([\d.]+)", ran.stdout)


def signatures(core: int) -> float:
    """What the same core signs with nothing around it: by the clock, as wrk counts, so that others slow both."""
    command = ["taskset", "-c", str(core), "openssl", "speed", "-elapsed", "-seconds", "1", "rsa2048"]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return found(r"rsa 2048 bits\s+\S+\s+\S+\s+([\d.]+)", ran.stdout)


def found(pattern: str, text: str) -> float:
    match = re.search(pattern, text)
    if match is None:
        raise SystemExit(f"no {pattern} in:\n{text}")
    return float(match[1])


def report(ours: float, theirs: float, openssl: float) -> int:
    print(f"median of {ROUNDS} alternating rounds of {SECONDS} s on one core, {CONNECTIONS} connections, a second")
    print(f"{'':36}{'a second':>10}{'ratio':>8}{'target':>8}")
    print(f"{'auth-service, client_credentials':36}{ours:10.0f}")
    reached = True
    for name, other, target in (
        ("oidc-provider, client_credentials", theirs, TO_PEER),
        ("openssl, signatures alone", openssl, TO_OPENSSL),
    ):
        print(f"{name:36}{other:10.0f}{ours / other:8.2f}{target:8.2f}")
        reached = reached and ours >= target * other
    return 0 if reached else 1


if __name__ == "__main__":
    sys.exit(main())
