"""What a DPoP proof adds to a token, and a whole flow with a pushed request beside npm's `oidc-provider`, on one core.

    python -P tests-e2e/bench/flows.py [ROUNDS]         needs wrk, openssl, npm, and Debian's postgresql

**DPoP**: tokens by client_credentials, without and with a proof. Each proof is new, signed with ES256 before the round,
and has our nonce. A proof may add one ES256 verification, as `openssl speed` does it, and 15 % of a token's own cost.

**Flow**: a pushed request (RFC 9126), the browsers of people who are signed in and have agreed before, and the code's
redemption with PKCE. Both servers answer with an RS256 access token for the same kind of API, and an RS256 ID token.
Ours has PostgreSQL on wrk's cores, which commits to its disk; the other one keeps everything in memory.

The programs take turns on one core, and wrk has the others. The results are the ratios of the medians. Processor time
is that of the server process alone: on a machine that does other things too, it says more than the rate.
"""

import os
import secrets
import shutil
import statistics
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode, urlsplit

sys.path += map(str, Path(__file__).resolve().parents[1:3])

import httpx2
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from e2e_fixtures.clients import CLIENTS
from e2e_fixtures.one_core import CONNECTIONS, SECONDS, found, leave, openssl_speed, rate, wrk
from e2e_fixtures.postgres import running_postgres
from e2e_fixtures.providers import Ours, Provider, running_control
from e2e_fixtures.relying_party import CALLBACK, RelyingParty
from e2e_fixtures.stack import running_stack
from e2e_fixtures.user_agent import UserAgent
from e2e_fixtures.wrk import pin, processor_seconds

ROUNDS, PEOPLE = 5, 8
TO_PEER, BESIDE_VERIFICATION = 1.0, 0.15
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636, appendix B
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
SCOPE = "openid todos:read"
FRONTEND = {
    "client_name": "Frontend",
    "grant_types": ["authorization_code"],
    "response_types": ["code"],
    "redirect_uris": [CALLBACK],
    "scope": SCOPE,
}
TOKEN = """
wrk.method = 'POST'
wrk.body = 'grant_type=client_credentials&scope=todos:read'
wrk.headers['Content-Type'] = 'application/x-www-form-urlencoded'
wrk.headers['Authorization'] = '%s'
"""
WITH_PROOF = """
local proofs = {}
for line in io.lines('%s') do table.insert(proofs, line) end
request = function()
  wrk.headers['DPoP'] = table.remove(proofs)
  return wrk.format()
end
"""
FLOW = """
local cookies, at = {%(cookies)s}, 0
local form = {['Content-Type'] = 'application/x-www-form-urlencoded', ['Authorization'] = '%(authorization)s'}
local uris, codes, threads = {}, {}, {}
flows, failed = 0, ''

function setup(thread) table.insert(threads, thread) end

function request()
  local code, uri = table.remove(codes), nil
  if code then return wrk.format('POST', '%(token)s', form, '%(redemption)s' .. code) end
  uri = table.remove(uris)
  at = at %% #cookies + 1
  if uri then return wrk.format('GET', '%(authorize)s' .. uri, {['Cookie'] = cookies[at]}) end
  return wrk.format('POST', '%(par)s', form, '%(pushed)s')
end

function response(status, headers, body)
  local to = headers['location'] or headers['Location'] or ''
  local uri, code = string.match(body, '"request_uri":%%s*"([^"]+)"'), string.match(to, '[?&]code=([^&]+)')
  if status == 201 and uri then
    table.insert(uris, (string.gsub(uri, ':', '%%%%3A')))
  elseif code then
    table.insert(codes, code)
  elseif status == 200 and string.find(body, '"id_token"', 1, true) then
    flows = flows + 1
  else
    failed = status .. ' ' .. to .. ' ' .. body
  end
end

function done(summary)
  print('flows: ' .. threads[1]:get('flows') .. ' failed: ' .. threads[1]:get('failed'))
end
"""


@dataclass(frozen=True)
class Load:
    """What a round of load has shown."""

    rate: float  # per second
    cost: float  # microseconds of the server's processor time for each


def main() -> int:
    for tool in ("wrk", "openssl", "npm"):
        if shutil.which(tool) is None:
            print(f"{tool} is not installed (Debian: sudo apt-get install wrk openssl npm)", file=sys.stderr)
            return 1
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else ROUNDS
    cores = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as name, running_postgres() as postgres, running_control() as control:
        folder = Path(name)
        postgres.execute("postgres", "CREATE DATABASE auth")
        settings = {"AUTH_DATABASE_URL": postgres.url("auth")}
        with running_stack(folder / "checkout", "--no-limits", **settings) as stack:
            ours, core, pid = Ours(stack, settings), max(cores), stack.pid("auth_service")
            robot = Robot(ours, stack.own_url("auth"), pid)
            flows = Flows(ours, stack.own_url("auth"), pid), Flows(control, control.issuer, control.pid)
            for each in (pid, control.pid):
                pin(each, core)
            leave(core, cores)
            loads, verified = [], []
            for _ in range(rounds):
                loads.append((*robot.load(folder), *(each.load(folder) for each in flows)))
                verified.append(verifications(core))
    return report(rounds, statistics.median(verified), *map(median, zip(*loads, strict=True)))


def median(loads: Sequence[Load]) -> Load:
    return Load(statistics.median(each.rate for each in loads), statistics.median(each.cost for each in loads))


class Robot:
    """A client of ours that gets tokens for itself, with and without a key."""

    def __init__(self, ours: Ours, url: str, pid: int) -> None:
        asked = {name: value for name, value in CLIENTS["robot"].items() if not name.startswith(("token_", "jwks"))}
        client = ours.register(**asked, default_resource=f"{ours.issuer}/api/v1")
        self.credentials, self.pid = basic(client["client_id"], client["client_secret"]), pid
        self.url, self.htu = f"{url}/oauth/token", f"{ours.issuer}/oauth/token"
        self.key = ec.generate_private_key(ec.SECP256R1())
        jwk = ECAlgorithm.to_jwk(self.key, as_dict=True)
        self.header = {"typ": "dpop+jwt", "jwk": {member: jwk[member] for member in ("kty", "crv", "x", "y")}}

    def load(self, folder: Path) -> tuple[Load, Load]:
        """Tokens without and with a proof."""
        lua, proofs = TOKEN % self.credentials, folder / "proofs"
        plain = self._load(lua, folder)
        nonce, count = self.nonce(), int(plain.rate * SECONDS * 1.2) + 10 * CONNECTIONS
        proofs.write_text("".join(f"{self.proof(nonce)}\n" for _ in range(count)), encoding="ascii")
        return plain, self._load(lua + WITH_PROOF % proofs, folder)

    def _load(self, lua: str, folder: Path) -> Load:
        before = processor_seconds(self.pid)
        output = wrk(self.url, lua, folder)
        spent, count = processor_seconds(self.pid) - before, found(r"(\d+) requests in", output)
        return Load(rate(output), spent / count * 1e6)

    def nonce(self) -> str:
        headers = {"Authorization": self.credentials, "DPoP": self.proof(None)}
        refused = httpx2.post(self.url, data={"grant_type": "client_credentials"}, headers=headers)
        assert refused.json()["error"] == "use_dpop_nonce", refused.text
        nonce: str = refused.headers["DPoP-Nonce"]
        return nonce

    def proof(self, nonce: str | None) -> str:
        claims = {"jti": secrets.token_urlsafe(16), "htm": "POST", "htu": self.htu, "iat": int(time.time())}
        made = {**claims, **({} if nonce is None else {"nonce": nonce})}
        return jwt.encode(made, self.key, algorithm="ES256", headers=self.header)


class Flows:
    """Whole flows at a server, of several people at one client."""

    def __init__(self, provider: Provider, url: str, pid: int) -> None:
        self.url, self.pid = url, pid
        party, api = RelyingParty(provider, provider.register(**FRONTEND)), f"{provider.issuer}/api/v1"
        cookies = []
        for _ in range(PEOPLE):
            agent = UserAgent(provider)
            party.sign_in(agent, provider.sign_up(), scope=SCOPE, resource=api, prompt="consent")
            ours = (f"{cookie.name}={cookie.value}" for cookie in agent.http.cookies.jar if cookie.path == "/")
            cookies.append("; ".join(ours))
        pushed = party.asked(scope=SCOPE, resource=api, code_challenge=CHALLENGE, code_challenge_method="S256")
        redemption = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": VERIFIER}
        names = ("pushed_authorization_request_endpoint", "authorization_endpoint", "token_endpoint")
        par, authorize, token = (urlsplit(party.metadata[name]).path for name in names)
        self.script = FLOW % {
            "authorization": basic(party.client_id, party.registered["client_secret"]),
            "cookies": ", ".join(f"'{each}'" for each in cookies),
            "par": par,
            "pushed": urlencode(pushed),
            "authorize": f"{authorize}?client_id={party.client_id}&request_uri=",
            "token": token,
            "redemption": f"{urlencode({**redemption, 'resource': api})}&code=",
        }

    def load(self, folder: Path) -> Load:
        before = processor_seconds(self.pid)
        told = wrk(self.url, self.script, folder).partition("flows: ")[2].splitlines()[0]
        spent = processor_seconds(self.pid) - before
        flows, _, failed = told.partition(" failed: ")
        if failed or flows == "0":
            raise SystemExit(f"a flow at {self.url} failed: {failed}")
        return Load(int(flows) / SECONDS, spent / int(flows) * 1e6)


def basic(client_id: str, secret: str) -> str:
    """The client's credentials (RFC 6749 §2.3.1)."""
    return f"Basic {b64encode(f'{client_id}:{secret}'.encode()).decode()}"


def verifications(core: int) -> float:
    """ES256 verifications per second of one core."""
    return openssl_speed(core, "ecdsap256", r"256 bits ecdsa \(nistp256\)\s+\S+\s+\S+\s+\S+\s+([\d.]+)")


def report(rounds: int, verified: float, plain: Load, bound: Load, ours: Load, peer: Load) -> int:
    print(f"one core, {CONNECTIONS} connections; median of {rounds} alternating rounds of {SECONDS} s")
    print(f"{'':36}{'per second':>12}{'us each':>12}{'us of its processor':>22}")
    for name, each in {
        "client_credentials": plain,
        "the same with a DPoP proof": bound,
        "openssl, ES256 verifications": Load(verified, 1e6 / verified),
        "PAR, authorize and token, ours": ours,
        "the same, oidc-provider in memory": peer,
    }.items():
        print(f"{name:36}{each.rate:12.1f}{1e6 / each.rate:12.0f}{each.cost:22.0f}")
    added, allowed = (1 / bound.rate - 1 / plain.rate) * 1e6, (1 / verified + BESIDE_VERIFICATION / plain.rate) * 1e6
    print(f"a proof adds {added:.0f} us (allowed: {allowed:.0f}){'' if added <= allowed else '  MISSED'}")
    reached = ours.rate >= TO_PEER * peer.rate
    missed = "" if reached else "  MISSED"
    by_cost = peer.cost / ours.cost
    print(
        f"flows: {ours.rate / peer.rate:.2f} of the peer's (target: {TO_PEER:.2f}; by processor {by_cost:.2f}){missed}"
    )
    return 0 if added <= allowed and reached else 1


if __name__ == "__main__":
    sys.exit(main())
