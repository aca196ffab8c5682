"""Tokens per second of one process, compared with `openssl speed` and with npm's `oidc-provider`.

    python -P tests-e2e/bench/token.py            needs wrk, openssl, npm, and Debian's postgresql

(`-P`, because Python's standard library has a module `token` too.)

The compared programs take turns on one core, and wrk has the other cores, so that other load on the machine slows each.
The results are the ratios of the medians. Both servers authenticate the client by its secret and answer with an RS256
access token of the same kind (RFC 9068), without a gateway. Ours also answers with ES256 tokens for another API, in
turn with the others. The refreshed grants have `offline_access`, and each answer brings the refresh token for a later
request. PostgreSQL runs on wrk's cores and commits to its disk.
"""

import json
import os
import shutil
import statistics
import sys
import tempfile
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

sys.path += map(str, Path(__file__).resolve().parents[1:3])

from e2e_fixtures.clients import CLIENTS
from e2e_fixtures.one_core import CONNECTIONS, SECONDS, leave, openssl_speed, rate, wrk
from e2e_fixtures.postgres import running_postgres
from e2e_fixtures.providers import Control, Ours, Provider, running_control
from e2e_fixtures.relying_party import CALLBACK, RelyingParty
from e2e_fixtures.stack import running_stack
from e2e_fixtures.user_agent import UserAgent
from e2e_fixtures.wrk import pin

ROUNDS = 5
TO_OPENSSL, TO_PEER, REFRESHES = 0.40, 1.0, 300
PEOPLE = 8
ES256_SCOPE = "es256:read"
FRONTEND = {
    "client_name": "Frontend",
    "grant_types": ["authorization_code", "refresh_token"],
    "redirect_uris": [CALLBACK],
    "scope": "openid offline_access",
    "require_pkce": False,
}
REFRESH = """
local tokens = {%s}
request = function()
  return wrk.format("POST", nil, nil, "grant_type=refresh_token&refresh_token=" .. table.remove(tokens))
end
response = function(status, headers, body)
  table.insert(tokens, 1, string.match(body, '"refresh_token":%%s*"([^"]+)"'))
end
"""


@dataclass(frozen=True)
class Endpoint:
    """A token endpoint and a client's credentials for it."""

    url: str
    client_id: str
    client_secret: str

    def script(self, body: str) -> str:
        """wrk's script for this body, with the client's credentials (RFC 6749 §2.3.1)."""
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
    return report(*measure())


def measure() -> tuple[float, float, float, float, float]:
    """Medians per second: our tokens, our ES256 tokens, the peer's tokens, openssl's signatures; our refreshes."""
    cores = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as folder, running_postgres() as postgres, running_control() as control:
        postgres.execute("postgres", "CREATE DATABASE auth")
        settings = {"AUTH_DATABASE_URL": postgres.url("auth")}
        with running_stack(Path(folder) / "checkout", "--no-limits", **settings) as stack:
            try:
                return measure_both(Ours(stack, settings), control, Path(folder), cores)
            finally:
                os.sched_setaffinity(0, cores)


def measure_both(
    ours: Ours, control: Control, folder: Path, cores: set[int]
) -> tuple[float, float, float, float, float]:
    stack = ours.stack
    url = f"{stack.own_url('auth')}/oauth/token"
    frontend = RelyingParty(ours, ours.register(**FRONTEND))
    rounds = [refresh_tokens(frontend) for _ in range(ROUNDS)]
    robots = registered(ours, url), registered(control)
    other = registered_for_es256(ours, url)
    core = max(cores)
    for pid in (stack.pid("auth_service"), control.pid):
        pin(pid, core)
    leave(core, cores)
    by_rs256, by_es256, theirs, openssl = compare(*robots, other, folder, core)
    endpoint = Endpoint(url, frontend.client_id, frontend.registered["client_secret"])
    refreshed = statistics.median(refresh(endpoint, tokens, folder) for tokens in rounds)
    return by_rs256, by_es256, theirs, openssl, refreshed


def refresh_tokens(frontend: RelyingParty) -> list[str]:
    """Two refresh tokens for each connection, of several people, so that one is always free."""
    tokens = []
    for _ in range(PEOPLE):
        account, agent = frontend.provider.sign_up(), UserAgent(frontend.provider)
        for _ in range(2 * CONNECTIONS // PEOPLE):
            signed_in = frontend.sign_in(agent, account, scope="openid offline_access", prompt="consent")
            tokens.append(signed_in.response["refresh_token"])
    return tokens


def registered(provider: Provider, url: str = "") -> Endpoint:
    asked = {name: value for name, value in CLIENTS["robot"].items() if not name.startswith(("token_", "jwks"))}
    client = provider.register(**asked, default_resource=f"{provider.issuer}/api/v1")
    metadata = provider.client().get("/.well-known/openid-configuration").json()
    return Endpoint(url or metadata["token_endpoint"], client["client_id"], client["client_secret"])


def registered_for_es256(ours: Ours, url: str) -> Endpoint:
    """A client of an API with ES256 tokens. The key signs within seconds, long before it is measured."""
    api = {"resource": "https://es256.example.com", "name": "ES256", "scopes": {ES256_SCOPE: "Read"}}
    made = json.dumps({**api, "access_token_signing_alg": "ES256"})
    for command, stdin in ((("resources", "create"), made), (("keys", "rotate", "--alg", "ES256", "--now"), "")):
        done = ours.stack.checkout.run("auth", *command, stdin=stdin, **ours.settings)
        assert done.returncode == 0, done.stderr
    client = ours.register(client_name="ES256", grant_types=["client_credentials"], scope=ES256_SCOPE)
    return Endpoint(url, client["client_id"], client["client_secret"])


def compare(ours: Endpoint, theirs: Endpoint, es256: Endpoint, folder: Path, core: int) -> list[float]:
    """Medians per second: our tokens, our ES256 tokens, the peer's tokens, openssl's signatures."""
    rounds = []
    for _ in range(ROUNDS):
        measured = load(ours, folder), load(es256, folder, ES256_SCOPE)
        rounds.append((*measured, load(theirs, folder), signatures(core)))
    return [statistics.median(column) for column in zip(*rounds, strict=True)]


def load(endpoint: Endpoint, folder: Path, scope: str = "todos:read") -> float:
    return rate(wrk(endpoint.url, endpoint.script(f"grant_type=client_credentials&scope={scope}"), folder))


def refresh(endpoint: Endpoint, tokens: list[str], folder: Path) -> float:
    quoted = ", ".join(f"'{token}'" for token in tokens)
    return rate(wrk(endpoint.url, endpoint.script("") + REFRESH % quoted, folder))


def signatures(core: int) -> float:
    """RSA signatures per second of one core."""
    return openssl_speed(core, "rsa2048", r"rsa 2048 bits\s+\S+\s+\S+\s+([\d.]+)")


def report(ours: float, es256: float, theirs: float, openssl: float, refreshed: float) -> int:
    print(f"one core, {CONNECTIONS} connections; median of {ROUNDS} alternating rounds of {SECONDS} s")
    print(f"{'':36}{'per second':>10}{'ratio':>8}{'target':>8}")
    print(f"{'auth-service, client_credentials':36}{ours:10.0f}")
    reached = True
    for name, other, target in (
        ("oidc-provider, client_credentials", theirs, TO_PEER),
        ("openssl, signatures alone", openssl, TO_OPENSSL),
    ):
        print(f"{name:36}{other:10.0f}{ours / other:8.2f}{target:8.2f}")
        reached = reached and ours >= target * other
    print(f"{'auth-service, ES256 to RS256':36}{es256:10.0f}{es256 / ours:8.2f}")
    print(f"{'auth-service, refresh on PostgreSQL':36}{refreshed:10.0f}{'':8}{REFRESHES:8.0f}")
    return 0 if reached and refreshed >= REFRESHES else 1


if __name__ == "__main__":
    sys.exit(main())
