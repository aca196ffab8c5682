"""What a DPoP proof adds to a token, and a whole flow with a pushed request beside npm's `oidc-provider`, on one core.

    python -P tests-e2e/bench/flows.py [ROUNDS]         needs wrk, openssl, npm, and Debian's postgresql

**DPoP**: tokens by client_credentials, without and with a proof. Each proof is new, signed with ES256 before the round,
and has our nonce. A proof may add one ES256 verification, as `openssl speed` does it, and 15 % of a token's own cost.

**Flow**: a pushed request (RFC 9126), the browsers of people who are signed in and have agreed before, and the code's
redemption with PKCE. Both servers answer with an RS256 access token for the same kind of API, and an RS256 ID token.

Both are measured on each of our stores. PostgreSQL runs on wrk's cores, so its processor time is not ours; SQLite runs
in our process. Each push, code, redemption and proof is committed to the disk before its answer. The other server keeps
everything in memory: a restart loses it, and there can be only one process.

The programs take turns on one core, and wrk has the others. The results are the ratios of the medians; the goals are
for PostgreSQL. Processor time is that of the server process alone: on a machine that does other things too, it says
more than the rate.
"""

import os
import secrets
import shutil
import statistics
import sys
import tempfile
import time
from base64 import b64encode
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
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
# Lines of the report; the store follows.
PLAIN, BOUND, FLOW = "client_credentials ", "the same with a DPoP proof ", "PAR, authorize and token "
VERIFIED = "openssl, ES256 verifications"
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
    with ExitStack() as opened:
        folder, core = Path(opened.enter_context(tempfile.TemporaryDirectory())), max(cores)
        postgres, control = opened.enter_context(running_postgres()), opened.enter_context(running_control())
        postgres.execute("postgres", "CREATE DATABASE auth")
        on_postgres = {"AUTH_DATABASE_URL": postgres.url("auth")}
        servers: dict[str, Robot | Flows] = {}
        for store, settings in {"PostgreSQL": on_postgres, "SQLite": dict[str, str]()}.items():
            stack = opened.enter_context(running_stack(folder / store, "--no-limits", **settings))
            ours, url, pid = Ours(stack, settings), stack.own_url("auth"), stack.pid("auth_service")
            servers |= {f"robot on {store}": Robot(ours, url, pid), f"flow on {store}": Flows(ours, url, pid)}
        servers["flow at the peer"] = Flows(control, control.issuer, control.pid)
        for each in servers.values():
            pin(each.pid, core)
        leave(core, cores)
        loads = dict[str, list[Load]]()
        for _ in range(rounds):
            for name, each in servers.items():
                for what, load in each.load(folder).items():
                    loads.setdefault(f"{what}{name.partition(' ')[2]}", []).append(load)
            loads.setdefault(VERIFIED, []).append(verifications(core))
    return report(rounds, {name: median(each) for name, each in loads.items()})


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

    def load(self, folder: Path) -> dict[str, Load]:
        """Tokens without and with a proof."""
        lua, proofs = TOKEN % self.credentials, folder / "proofs"
        plain = self._load(lua, folder)
        nonce, count = self.nonce(), int(plain.rate * SECONDS * 1.2) + 10 * CONNECTIONS
        proofs.write_text("".join(f"{self.proof(nonce)}\n" for _ in range(count)), encoding="ascii")
        return {PLAIN: plain, BOUND: self._load(lua + WITH_PROOF % proofs, folder)}

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

    def load(self, folder: Path) -> dict[str, Load]:
        before = processor_seconds(self.pid)
        told = wrk(self.url, self.script, folder).partition("flows: ")[2].splitlines()[0]
        spent = processor_seconds(self.pid) - before
        flows, _, failed = told.partition(" failed: ")
        if failed or flows == "0":
            raise SystemExit(f"a flow at {self.url} failed: {failed}")
        return {FLOW: Load(int(flows) / SECONDS, spent / int(flows) * 1e6)}


def basic(client_id: str, secret: str) -> str:
    """The client's credentials (RFC 6749 §2.3.1)."""
    return f"Basic {b64encode(f'{client_id}:{secret}'.encode()).decode()}"


def verifications(core: int) -> Load:
    """ES256 verifications by one core."""
    rate = openssl_speed(core, "ecdsap256", r"256 bits ecdsa \(nistp256\)\s+\S+\s+\S+\s+\S+\s+([\d.]+)")
    return Load(rate, 1e6 / rate)


def report(rounds: int, loads: Mapping[str, Load]) -> int:
    print(f"one core, {CONNECTIONS} connections; median of {rounds} alternating rounds of {SECONDS} s")
    print(f"{'':44}{'per second':>12}{'us each':>12}{'us of its processor':>22}")
    for name, each in loads.items():
        print(f"{name:44}{each.rate:12.1f}{1e6 / each.rate:12.0f}{each.cost:22.0f}")
    peer, verified = loads[f"{FLOW}at the peer"], loads[VERIFIED]
    reached = {}
    for store in ("on PostgreSQL", "on SQLite"):
        plain, bound, ours = (loads[f"{what}{store}"] for what in (PLAIN, BOUND, FLOW))
        added, to_peer = 1e6 / bound.rate - 1e6 / plain.rate, ours.rate / peer.rate
        allowed = 1e6 / verified.rate + BESIDE_VERIFICATION * 1e6 / plain.rate
        by_processor = bound.cost - plain.cost, peer.cost / ours.cost
        missed = ["" if is_good else "  MISSED" for is_good in (added <= allowed, to_peer >= TO_PEER)]
        print(
            f"{store}, a proof adds {added:.0f} us (at most {allowed:.0f}; processor {by_processor[0]:.0f}){missed[0]}"
        )
        print(f"{store}, flows of memory's: {to_peer:.2f} ({TO_PEER:.2f}; processor {by_processor[1]:.2f}){missed[1]}")
        reached[store] = not any(missed)
    return 0 if reached["on PostgreSQL"] else 1


if __name__ == "__main__":
    sys.exit(main())
