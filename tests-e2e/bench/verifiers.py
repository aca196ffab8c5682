"""Verifiers of access tokens under one probe: what each wrongly accepts or refuses, waits, fetches and costs.

    python tests-e2e/bench/verifiers.py [NAME...]
    TOKENS=100000 python tests-e2e/bench/verifiers.py atjwt

The same tokens, and an issuer that gets slow and then goes away, for atjwt and for what a team would use otherwise,
each set up as its documentation shows. They are installed on demand, by hash, into an environment of the bench's own.
Verifying is measured in processor time, in rounds that alternate: compare the ratios. Then atjwt alone verifies
TOKENS different tokens (a million), and one token as often. Nothing is asserted: it prints what it found.
"""

import base64
import hmac
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.path += map(str, Path(__file__).resolve().parents[1:3])

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from e2e_fixtures.checkout import ROOT, ambient
from e2e_fixtures.npm import installed, node

FOLDER = ROOT / "tests-e2e/bench/verifiers"
PACKAGE = ROOT / "todo-service/verifier/python"
AUDIENCE = "https://api.example.com"
PYTHON = ("atjwt", "pyjwt", "authlib", "rfc9068", "oidc_jwt_verifier", "jwks_client", "fastmcp")
AGED = 3700.0  # seconds; every verifier's key set is due for a fetch then, and none is too old to use
PATH = "/issuer"  # of its URL: rfc9068 expects a slash at the end of a URL without path
SLOW = 0.7  # seconds that the issuer then takes for an answer
UNKNOWN = 20  # tokens with a kid that nobody knows
ROUNDS, COLD, HOT = 15, 20, 100  # tokens in a round: different ones, or the same again


@dataclass
class Issuer:
    """An issuer on loopback that signs with RS256. `fetches` counts requests for the key set."""

    url: str = ""
    key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    thief: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    delay: float = 0.0
    is_down: bool = False
    fetches: int = 0

    def documents(self) -> dict[str, object]:
        public = {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key())), "use": "sig", "alg": "RS256"}
        metadata = {"issuer": self.url, "jwks_uri": f"{self.url}/jwks.json"}
        named = ("oauth-authorization-server", "openid-configuration")
        keys = {"keys": [{**public, "kid": "k"}]}
        return {f"{PATH}/jwks.json": keys, **{f"/.well-known/{name}{PATH}": metadata for name in named}}

    def token(self, headers: dict[str, Any] | None = None, key: Any = None, **claims: Any) -> str:
        """An access token of an hour; a member that is None is left out."""
        now = int(time.time())
        usual = {"iss": self.url, "aud": AUDIENCE, "sub": "alice", "client_id": "web", "jti": uuid.uuid4().hex}
        made = {**usual, "iat": now, "exp": now + int(3 * AGED), "scope": "read", "auth_time": now, **claims}
        head = {"typ": "at+jwt", "kid": "k", "alg": "RS256", **(headers or {})}
        given = {name: value for name, value in made.items() if value is not None}
        return jwt.encode(given, key or self.key, "RS256", headers=head)

    def forgeries(self) -> dict[str, str]:
        """What is no access token for this API, though most of it is signed by the issuer."""
        good = self.token()
        head, payload, _ = good.split(".")
        public = self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        confused = f"{_encode({'alg': 'HS256', 'typ': 'at+jwt', 'kid': 'k'})}.{payload}"
        mac = base64.urlsafe_b64encode(hmac.digest(public, confused.encode(), sha256)).decode().rstrip("=")
        nothing: dict[str, Any] = {"client_id": None, "jti": None, "scope": None}
        events: dict[str, object] = {"http://schemas.openid.net/event/backchannel-logout": {}}
        return {
            "ID token": self.token({"typ": "JWT"}, **nothing, nonce="n"),
            "logout token": self.token({"typ": "logout+jwt"}, events=events, sid="s", client_id=None, scope=None),
            "no typ": self.token({"typ": None}),
            "another typ": self.token({"typ": "secevent+jwt"}),
            "another audience": self.token(aud="https://other.example.com"),
            "another issuer": self.token(iss="https://other.example.com"),
            "expired": self.token(iat=1, exp=2),
            "no exp": self.token(exp=None),
            "bound to a key": self.token(cnf={"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}),
            "crit": self.token({"crit": ["x"], "x": 1}),
            "alg none": f"{_encode({'alg': 'none', 'typ': 'at+jwt', 'kid': 'k'})}.{payload}.",
            "HS256 by the public key": f"{confused}.{mac}",
            "another key": self.token(key=self.thief),
            "signature cut": f"{head}.{payload}.",
        }

    def good(self) -> dict[str, str]:
        now = int(time.time())
        return {
            "plain": self.token(),
            "a list of audiences": self.token(aud=[AUDIENCE, "https://other.example.com"]),
            "application/at+jwt": self.token({"typ": "application/at+jwt"}),
            "a service's": self.token(sub="web", auth_time=None),
            "a clock 5 s ahead": self.token(iat=now + 5, nbf=now + 5),
            "unknown claims": self.token(roles=["a"], act={"sub": "agent"}, custom={"a": [1]}),
        }


@dataclass
class Row:
    """What the probe found about one verifier. Times are in milliseconds, but for cold and hot: microseconds."""

    accepted: list[str]
    refused: list[str]
    fetches: float
    cold: float = 0.0
    hot: float = 0.0
    waited: float = 0.0
    blocked: float = 0.0
    fails: bool = False


class Probe:
    """The process of one verifier."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        self.answer()

    def ask(self, **command: Any) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return self.answer()

    def answer(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        while line and line[0] not in '{"n0123456789':  # a library's own words
            line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("it has ended")
        return json.loads(line)


def main(names: list[str]) -> int:
    rows: dict[str, Row] = {}
    probes: dict[str, tuple[Issuer, Probe]] = {}
    with ExitStack() as stack:
        for name, command in commands().items():
            if not names or name in names:
                issuer = stack.enter_context(serving())
                try:
                    probe = stack.enter_context(running([*command, issuer.url, AUDIENCE]))
                    rows[name] = verdicts(issuer, probe)
                except (RuntimeError, ValueError) as error:
                    print(f"{name} could not be probed: {error}", file=sys.stderr)
                else:
                    probes[name] = (issuer, probe)
        measure(rows, probes)
        for name, (issuer, probe) in probes.items():
            bear(rows[name], issuer, probe)
    report(rows)
    if not names or "atjwt" in names:
        alone(int(os.environ.get("TOKENS", 1_000_000)))
    return 0 if rows else 1


def commands() -> dict[str, list[str]]:
    """The command of each verifier that could be installed."""
    found: dict[str, list[str]] = {}
    try:
        python = environment()
        found |= {name: [python, str(FOLDER / "probe.py"), name] for name in PYTHON}
    except subprocess.CalledProcessError as error:
        print(f"{', '.join(PYTHON)}: pip cannot install them.\n{error.stderr}", file=sys.stderr)
    try:
        found["jose (npm)"] = [node(), str(installed(FOLDER) / "jose.mjs")]
    except (pytest.fail.Exception, pytest.skip.Exception, subprocess.CalledProcessError) as error:  # as in a test
        print(f"jose: npm cannot install it: {error}", file=sys.stderr)
    return found


def environment() -> str:
    """The interpreter of the bench's own environment, installed once for each lock."""
    lock = FOLDER / "requirements.txt"
    folder = ROOT / ".run" / f"bench-verifiers-{sha256(lock.read_bytes()).hexdigest()[:12]}"
    python = str(folder / "bin/python")
    if not (folder / "is-complete").exists():  # written last, so an interrupted installation is made anew
        print("Installing seven verifiers, once...", file=sys.stderr)
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        pip = [python, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--require-hashes"]
        subprocess.run([*pip, "-r", str(lock)], check=True, capture_output=True, text=True)
        (folder / "is-complete").touch()
    return python


@contextmanager
def serving() -> Iterator[Issuer]:
    issuer = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.fetches += self.path == f"{PATH}/jwks.json"
            time.sleep(issuer.delay)
            document = None if issuer.is_down else issuer.documents().get(self.path)
            body = json.dumps(document).encode()
            try:
                self.send_response(503 if issuer.is_down else 404 if document is None else 200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)
            except OSError:
                pass  # the verifier has stopped waiting

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    issuer.url = f"http://127.0.0.1:{server.server_port}{PATH}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield issuer
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def running(command: list[str]) -> Iterator[Probe]:
    environ, pipe, nowhere = {**ambient(), "PYTHONPATH": str(PACKAGE)}, subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(command, env=environ, stdin=pipe, stdout=pipe, stderr=nowhere, text=True) as process:
        try:
            yield Probe(process)
        finally:
            process.terminate()


def verdicts(issuer: Issuer, verifier: Probe) -> Row:
    verdict = verifier.ask(verify=issuer.token())
    if not verdict["accepted"]:
        raise RuntimeError(f"it refuses a good token: {verdict['why']}")
    accepted = [name for name, text in issuer.forgeries().items() if verifier.ask(verify=text)["accepted"]]
    refused = [name for name, text in issuer.good().items() if not verifier.ask(verify=text)["accepted"]]
    before = issuer.fetches
    for _ in range(UNKNOWN):
        verifier.ask(verify=issuer.token({"kid": uuid.uuid4().hex}))
    return Row(accepted, refused, (issuer.fetches - before) / UNKNOWN)


def measure(rows: dict[str, Row], probes: dict[str, tuple[Issuer, Probe]]) -> None:
    """The best of rounds in turn: what else runs on the machine only adds to a round."""
    cold: dict[str, list[float]] = {name: [] for name in probes}
    hot: dict[str, list[float]] = {name: [] for name in probes}
    for _ in range(ROUNDS):
        for name, (issuer, verifier) in probes.items():
            tokens = [issuer.token() for _ in range(COLD)]
            cold[name].append(verifier.ask(time=tokens))
            hot[name].append(verifier.ask(time=tokens[-1:] * HOT))
    for name in probes:
        rows[name].cold, rows[name].hot = min(cold[name]), min(hot[name])


def bear(row: Row, issuer: Issuer, verifier: Probe) -> None:
    """An issuer that is slow when the keys are due for a fetch, and then one that is away."""
    issuer.delay = SLOW
    verifier.ask(travel=AGED)
    aged = verifier.ask(verify=issuer.token())
    row.waited, row.blocked = aged["ms"], aged["blocked"]
    issuer.delay, issuer.is_down = 0.0, True
    verifier.ask(travel=AGED)
    row.fails = not verifier.ask(verify=issuer.token())["accepted"]


def report(rows: dict[str, Row]) -> None:
    ours = rows.get("atjwt")
    for line in (
        ("accepts", "refuses", "waits", "blocks", "fetches", "issuer", "cold", "hot", "cold"),
        ("wrongly", "wrongly", "ms", "ms", "per kid", "down", "µs", "µs", "÷ ours"),
    ):
        print(" " * 20 + "".join(f"{word:>9}" for word in line))
    for name, row in rows.items():
        down = "fails" if row.fails else "goes on"
        ratio = f"{row.cold / ours.cold:9.2f}" if ours else ""
        print(
            f"{name:20}{len(row.accepted):9}{len(row.refused):9}{row.waited:9.0f}{row.blocked:9.0f}{row.fetches:9.2f}"
            f"{down:>9}{row.cold:9.1f}{row.hot:9.1f}{ratio}"
        )
    for title, what in (("wrongly accepts", "accepted"), ("wrongly refuses", "refused")):
        print(f"\n{title}:")
        for name, row in rows.items():
            print(f"  {name:20}{', '.join(getattr(row, what)) or '-'}")
    print(
        f"\nwaits, blocks: for a good token, when keys are {AGED:.0f} s old and the issuer takes {SLOW * 1000:.0f} ms."
    )
    print("fetches: for each token with another unknown kid. cold, hot: processor time, the best of the rounds.")


def alone(count: int) -> None:
    """Sockets and memory of atjwt in this process: one token `count` times, then `count` different tokens (ES256)."""
    sys.path.append(str(PACKAGE))
    from atjwt import testing

    opened: list[str] = []
    with testing.Issuer() as issuer:
        verifier = issuer.verifier()
        issuer.close()
        sys.addaudithook(lambda event, _: opened.append(event) if event.startswith("socket.") else None)
        text = issuer.token()
        begun = time.process_time()
        for _ in range(count):
            verifier.verify(text)
        hot = (time.process_time() - begun) / count * 1e6
        print(f"\natjwt alone, one token {count:,} times: {len(opened)} sockets, {hot:.1f} µs a call")
        memory = [resident()]
        for number in range(count):
            claims = {"iss": issuer.url, "aud": issuer.audience, "sub": "a", "client_id": "a", "jti": f"{number}"}
            now = int(time.time())
            verifier.verify(testing._sign(issuer._keys[-1], "at+jwt", {**claims, "iat": now, "exp": now + 300}, {}))
            if number % max(count // 5, 1) == count // 5 - 1:
                memory.append(resident())
        told = ", ".join(f"{each:.1f}" for each in memory)
        print(f"{count:,} different tokens: MiB of memory at the beginning and after each fifth: {told}")


def resident() -> float:
    """MiB of this process's memory."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def _encode(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
