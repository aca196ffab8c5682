"""Whether the services' memory still grows under load: ten minutes of mixed requests, and the slope of its second half.

    python tests-e2e/bench/soak.py [MINUTES [PAUSE]]

Caches are bounded, but fill for a while, so the first half is not judged. SQLite's pages are the slowest: each of
todo-service's four connections keeps up to 2 MB of them, and there are more todos with each round. The load is what a
system sees: sessions and tokens are read, tokens issued and refused, passwords checked and mistyped; todos listed,
searched, made and deleted; addresses that do not exist, bodies that are no JSON. wrk asks each service on its own port,
as fast as it answers, or with a pause of so many milliseconds before each request of a connection.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

sys.path += map(str, Path(__file__).resolve().parents[1:3])

from e2e_fixtures.people import PASSWORD, Person, bearer, sign_up
from e2e_fixtures.stack import Stack, running_stack

MINUTES = 10
SEGMENT = 60  # seconds of load with the same tokens, which live for five minutes
PERIOD = 15  # seconds between two looks at the memory
PEOPLE, CONNECTIONS = 20, 4
MOST = 0.1  # megabytes that may be added per period in the second half
SERVICES = {"auth": "auth_service", "todo": "todo_service"}
JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
ROBOT = {"client_name": "Robot", "grant_types": ["client_credentials"], "scope": "todos:read todos:write"}


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""

    def lua(self) -> str:
        headers = ",".join(f"[{json.dumps(name)}]={json.dumps(value)}" for name, value in self.headers.items())
        body = json.dumps(self.body) if self.body else "nil"
        return f"{{{json.dumps(self.method)},{json.dumps(self.path)},{{{headers}}},{body}}}"


def main() -> int:
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else MINUTES
    pause = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    with tempfile.TemporaryDirectory() as folder, running_stack(Path(folder) / "checkout", "--no-limits") as stack:
        people = [sign_up(stack) for _ in range(PEOPLE)]
        robot = registered(stack)
        sizes: dict[str, list[float]] = {name: [] for name in SERVICES}
        until = time.monotonic() + minutes * 60
        while time.monotonic() < until:
            soak(stack, people, robot, Path(folder), sizes, pause=pause)
    return report(sizes)


def registered(stack: Stack) -> str:
    made = stack.checkout.run("auth", "clients", "create", stdin=json.dumps(ROBOT))
    client = json.loads(made.stdout)
    return b64encode(f"{client['client_id']}:{client['client_secret']}".encode()).decode()


def soak(
    stack: Stack,
    people: Sequence[Person],
    robot: str,
    folder: Path,
    sizes: dict[str, list[float]],
    *,
    pause: int = 0,
) -> None:
    """One segment of load on both services, with so many milliseconds before each request of a connection."""
    asked = {"auth": of_auth(stack, people, robot), "todo": of_todo(people)}
    with ExitStack() as running:
        for service in SERVICES:
            script = folder / f"{service}.lua"
            script.write_text(in_turn(asked[service], pause), encoding="utf-8")
            command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SEGMENT}s", "--timeout", "30s", "-s", str(script)]
            loading = subprocess.Popen([*command, stack.own_url(service)], stdout=subprocess.DEVNULL)
            running.callback(loading.wait, SEGMENT + 60)
        for _ in range(SEGMENT // PERIOD):
            time.sleep(PERIOD)
            for service, name in SERVICES.items():
                sizes[service].append(rss_mb(stack.pid(name)))
            print("  ".join(f"{service} {size[-1]:.1f} MB" for service, size in sizes.items()), flush=True)


def of_auth(stack: Stack, people: Sequence[Person], robot: str) -> list[Asked]:
    asked = [Asked("GET", "/.well-known/jwks.json"), Asked("GET", "/signin"), Asked("GET", "/no-such-page")]
    asked.append(Asked("POST", "/api/auth/sign-in/email", JSON, "no JSON"))
    for number, person in enumerate(people):
        cookie = "; ".join(f"{name}={value}" for name, value in person.browser.cookies.items())
        own = {"Cookie": cookie, "Origin": stack.url}
        asked += [Asked("GET", "/api/auth/get-session", own), Asked("GET", "/api/auth/token", own)] * 5
        service = FORM | {"Authorization": f"Basic {robot}"}
        asked += [Asked("POST", "/oauth/token", service, "grant_type=client_credentials")] * 5
        asked.append(Asked("POST", "/oauth/introspect", service, f"token={person.token()}"))
        asked.append(Asked("POST", "/oauth/token", service, "grant_type=refresh_token&refresh_token=spent"))
        if number % 5 == 0:
            for typed in (PASSWORD, "not the password"):
                body = json.dumps({"email": person.email, "password": typed})
                asked.append(Asked("POST", "/api/auth/sign-in/email", JSON | {"Origin": stack.url}, body))
    return asked


def of_todo(people: Sequence[Person]) -> list[Asked]:
    todos, asked = "/api/v1/todos", [Asked("GET", "/api/v1/todos"), Asked("GET", "/api/v1/nothing")]
    for person in people:
        token = person.token()
        own = bearer(token)
        asked += [Asked("GET", todos, own)] * 5
        asked += [Asked("GET", f"{todos}?q=milk", own), Asked("GET", f"/api/v1/users/{person.id}/todos", own)]
        asked += [Asked("GET", "/api/v1/users/somebody/todos", own), Asked("POST", todos, own | JSON, "no JSON")]
        asked.append(Asked("GET", todos, bearer(token[:-4] + "AAAA")))
        asked.append(Asked("POST", todos, own | JSON, json.dumps({"title": "Buy milk", "notes": "2 l"})))
    return asked


def in_turn(asked: Sequence[Asked], pause: int) -> str:
    listed = ",".join(each.lua() for each in asked)
    step = "at = at % #asked + 1\nlocal it = asked[at]\nreturn wrk.format(it[1], it[2], it[3], it[4])"
    paused = f"function delay() return {pause} end\n" if pause else ""
    return f"local asked = {{{listed}}}\nlocal at = 0\nfunction request()\n{step}\nend\n{paused}"


def rss_mb(pid: int) -> float:
    """VmRSS in megabytes of a million bytes (Linux)."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:"))) * 1024 / 1e6


def report(sizes: dict[str, list[float]]) -> int:
    grows = False
    for service, size in sizes.items():
        later = size[len(size) // 2 :]
        slope = statistics.linear_regression(range(len(later)), later).slope
        grows |= slope > MOST
        first, last = size[0], size[-1]
        print(f"{service}: {first:.1f} to {last:.1f} MB; second half {slope:+.3f} MB per {PERIOD} s (at most {MOST})")
    return int(grows)


if __name__ == "__main__":
    sys.exit(main())
