"""Processor time per request of auth-service on PostgreSQL: its own, on one core, and what the database adds.

    python tests-e2e/bench/costs.py            needs wrk, openssl, and Debian's postgresql

"Rate" is that of one pinned process with eight connections; PostgreSQL and wrk have the other cores, and commits wait
for the disk. The floor of each is what cannot be left out: one RSA signature for each token, or one Argon2id hash.
The calls take turns, and each figure is the median of its rounds; "noise" is how far apart these are. On a busy machine
"least", the smallest processor time of a round, is more stable than the median.
"""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path

sys.path += map(str, Path(__file__).resolve().parents[1:3])

from e2e_fixtures.clients import CLIENTS
from e2e_fixtures.people import PASSWORD, credentials
from e2e_fixtures.postgres import running_postgres
from e2e_fixtures.providers import Ours
from e2e_fixtures.relying_party import CALLBACK, RelyingParty
from e2e_fixtures.stack import running_stack
from e2e_fixtures.user_agent import UserAgent
from e2e_fixtures.wrk import pin, processor_seconds

ROUNDS, SECONDS, CONNECTIONS, PEOPLE = 5, 3, 8, 16
FRONTEND = {
    "client_name": "Frontend",
    "grant_types": ["authorization_code", "refresh_token"],
    "redirect_uris": [CALLBACK],
    "scope": "openid offline_access",
    "require_pkce": False,
}
FORM = "wrk.headers['Content-Type'] = 'application/x-www-form-urlencoded'\nwrk.method = 'POST'\n"
IN_TURN = """
local asked = {%s}
local at = 0
request = function()
  at = at %% #asked + 1
  %s
end
"""
REFRESH = """
local tokens = {%s}
request = function()
  return wrk.format(nil, nil, nil, "grant_type=refresh_token&refresh_token=" .. table.remove(tokens))
end
response = function(status, headers, body)
  table.insert(tokens, 1, string.match(body, '"refresh_token":%%s*"([^"]+)"'))
end
"""


@dataclass
class Call:
    path: str
    scripts: list[str]  # for wrk, one for each round
    rates: list[float] = field(default_factory=list)
    costs: list[float] = field(default_factory=list)

    def line(self) -> str:
        rate, cost = statistics.median(self.rates), statistics.median(self.costs)
        noise = (max(self.costs) - min(self.costs)) / cost
        return f"{rate:10.0f}{cost:12.0f}{min(self.costs):12.0f}{noise:8.0%}"


def main() -> int:
    for tool in ("wrk", "openssl"):
        if shutil.which(tool) is None:
            print(f"{tool} is not installed (Debian: sudo apt-get install wrk openssl)", file=sys.stderr)
            return 1
    calls = measure()
    print(f"{'':24}{'per second':>10}{'us each':>12}{'least':>12}{'noise':>8}")
    for name, call in calls.items():
        print(f"{name:24}{call.line()}")
    return 0


def measure() -> dict[str, Call]:
    cores = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as folder, running_postgres() as postgres:
        postgres.execute("postgres", "CREATE DATABASE auth")
        settings = {"AUTH_DATABASE_URL": postgres.url("auth")}
        with running_stack(Path(folder) / "checkout", "--no-limits", **settings) as stack:
            calls = prepared(Ours(stack, settings))
            pid, core = stack.pid("auth_service"), max(cores)
            pin(pid, core)
            os.sched_setaffinity(0, cores - {core} or cores)  # wrk inherits this
            for number in range(ROUNDS):
                for call in calls.values():
                    load(call, number, stack.own_url("auth"), pid, Path(folder))
            os.sched_setaffinity(0, cores)
    return calls


def prepared(ours: Ours) -> dict[str, Call]:
    """What is measured, of PEOPLE people who are signed in, and have signed in at a client."""
    frontend = RelyingParty(ours, ours.register(**FRONTEND))
    asked = {name: value for name, value in CLIENTS["robot"].items() if not name.startswith(("token_", "jwks"))}
    api = f"{ours.issuer}/api/v1"
    robot = ours.register(**asked, default_resource=api, protected_resource=api)
    refresh: list[list[str]] = [[] for _ in range(ROUNDS)]  # of each round, as it spends them
    tokens, cookies = [], []
    for _ in range(PEOPLE):
        account, agent = ours.sign_up(), UserAgent(ours)
        for of_round in refresh:
            signed_in = frontend.sign_in(agent, account, scope="openid offline_access", prompt="consent")
            of_round.append(signed_in.response["refresh_token"])
        browser, asked_for = ours.client(), credentials(account.email, PASSWORD)
        browser.post("/api/auth/sign-in/email", json=asked_for, headers={"Origin": ours.issuer}).raise_for_status()
        cookies.append("; ".join(f"{name}={value}" for name, value in browser.cookies.items()))
        tokens.append(browser.get("/api/auth/token").json()["token"])
    of_robot = FORM + by_secret(robot["client_id"], robot["client_secret"])
    of_frontend = FORM + by_secret(frontend.client_id, frontend.registered["client_secret"])
    sessions = IN_TURN % (quoted(cookies), "wrk.headers['Cookie'] = asked[at]\n  return wrk.format()")
    shown = IN_TURN % (quoted(tokens), "return wrk.format(nil, nil, nil, 'token=' .. asked[at])")
    own = f"{of_robot}wrk.body = 'grant_type=client_credentials'"
    return {
        "client_credentials": Call("/oauth/token", [own] * ROUNDS),
        "introspection": Call("/oauth/introspect", [of_robot + shown] * ROUNDS),
        "refresh, ID token": Call("/oauth/token", [of_frontend + REFRESH % quoted(each) for each in refresh]),
        "get-session": Call("/api/auth/get-session", [sessions] * ROUNDS),
        "token": Call("/api/auth/token", [sessions] * ROUNDS),
    }


def by_secret(client_id: str, secret: str) -> str:
    """The client's credentials (RFC 6749 §2.3.1)."""
    return f"wrk.headers['Authorization'] = 'Basic {b64encode(f'{client_id}:{secret}'.encode()).decode()}'\n"


def quoted(values: list[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def load(call: Call, number: int, url: str, pid: int, folder: Path) -> None:
    """One round. An answer other than 200 ends the bench."""
    script = folder / "load.lua"
    script.write_text(call.scripts[number], encoding="utf-8")
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "--timeout", "10s", "-s", str(script)]
    before = processor_seconds(pid)
    ran = subprocess.run([*command, url + call.path], capture_output=True, text=True, check=False)
    spent = processor_seconds(pid) - before
    if ran.returncode or "Non-2xx" in ran.stdout or "Socket errors" in ran.stdout:
        raise SystemExit(f"{call.path} failed:\n{ran.stdout}{ran.stderr}")
    rate, count = re.search(r"Requests/sec:\s+([\d.]+)", ran.stdout), re.search(r"(\d+) requests in", ran.stdout)
    assert rate is not None
    assert count is not None
    call.rates.append(float(rate[1]))
    call.costs.append(spent / int(count[1]) * 1e6)


if __name__ == "__main__":
    sys.exit(main())
