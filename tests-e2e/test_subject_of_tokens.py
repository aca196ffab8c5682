"""gateway/subject.js, run by Node.js: for which subject a call to the API counts. nginx's njs has the same WebCrypto.

tests-e2e/test_compose_operating.py runs it in nginx.
"""

import json
import subprocess
import time
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import get_default_algorithms

from e2e_fixtures.checkout import ROOT
from e2e_fixtures.npm import node

ISSUER = "https://id.example.com"
PRIVATE: dict[str, Any] = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "PS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
}
DRIVER = """
const { keySet, tokens } = JSON.parse(require("fs").readFileSync(0));
const kept = new Map();
globalThis.gateway = { issuer: "https://id.example.com", key_sets: ["keys"] };
const zone = { get: (name) => kept.get(name), set: (name, to) => kept.set(name, to), delete() {}, add() {} };
globalThis.ngx = {
  shared: { issuer_keys: zone },
  fetch: async () => ({ status: 200, json: async () => keySet }),
};
(async () => {
  const subject = (await import(process.argv[1])).default;
  await subject.refresh();
  const found = {};
  for (const [name, token] of Object.entries(tokens)) {
    const request = { uri: "/api/v1/todos", headersIn: { Authorization: `Bearer ${token}` } };
    await subject.verified({ ...request, setReturnValue: (sub) => { found[name] = sub; } });
  }
  console.log(JSON.stringify(found));
})();
"""


def published(alg: str, **members: str) -> dict[str, Any]:
    jwk: dict[str, Any] = json.loads(get_default_algorithms()[alg].to_jwk(PRIVATE[alg].public_key()))
    return {**jwk, "kid": alg, "alg": alg, **members}


def signed(alg: str, key: Any = None, headers: dict[str, str] | None = None, **claims: object) -> str:
    told = {"iss": ISSUER, "aud": f"{ISSUER}/api/v1", "sub": alg, "exp": int(time.time()) + 300, **claims}
    return jwt.encode(told, key or PRIVATE[alg], alg, {"typ": "at+jwt", "kid": alg, **(headers or {})})


def subjects(tokens: dict[str, str], keys: list[dict[str, Any]], folder: Path) -> dict[str, str]:
    module = folder / "subject.mjs"
    module.write_bytes((ROOT / "gateway/subject.js").read_bytes())
    done = subprocess.run(
        [node(), "-e", DRIVER, module.as_uri()],
        input=json.dumps({"keySet": {"keys": keys}, "tokens": tokens}),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


def encoded(part: object) -> str:
    return urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def test_a_call_counts_for_the_subject_of_a_token_that_the_issuer_signed(tmp_path: Path) -> None:
    """With each algorithm of the issuer, and with its own key only."""
    keys = [published(alg) for alg in PRIVATE] + [{**published("RS256"), "kid": "lists", "signs": "statuslist+jwt"}]
    good = {alg: signed(alg) for alg in PRIVATE}
    forged = {
        "a key of one's own": signed("ES256", ec.generate_private_key(ec.SECP256R1())),
        "another algorithm of the same RSA key": signed("PS256", PRIVATE["RS256"], {"kid": "RS256"}),
        "another key's kid": signed("RS256", headers={"kid": "ES256"}),
        "HS256": jwt.encode({"sub": "ann"}, "x" * 32, "HS256", {"typ": "at+jwt", "kid": "RS256"}),
        "no algorithm": f"{encoded({'alg': 'none', 'typ': 'at+jwt', 'kid': 'RS256'})}.{good['RS256'].split('.')[1]}.AA",
        "a name of every object": signed("RS256", headers={"kid": "constructor"}),
        "a key for status lists": signed("RS256", headers={"kid": "lists"}),
        "an ID token": signed("ES256", headers={"typ": "JWT"}),
        "a token for another API": signed("PS256", aud="https://api.example.com"),
        "an old token": signed("ES256", exp=1),
        "another issuer's": signed("RS256", iss="https://evil.example.com"),
        "no subject of ours": signed("RS256", sub="a b"),
        "a signature in DER": f"{good['ES256'].rpartition('.')[0]}.MEUCIQ{'A' * 90}",
    }
    agents = {"an agent's": signed("RS256", aud=f"{ISSUER}/mcp")}
    counted = {alg: alg for alg in PRIVATE} | {"an agent's": "RS256"}
    assert subjects(good | agents | forged, keys, tmp_path) == counted | dict.fromkeys(forged, "")


@pytest.mark.parametrize(
    "keys", [[], [{"kty": "EC", "alg": "ES384", "kid": "RS256"}]], ids=["none", "of no known kind"]
)
def test_without_the_issuers_keys_a_call_counts_for_nobody(tmp_path: Path, keys: list[dict[str, Any]]) -> None:
    assert subjects({"good": signed("RS256")}, keys, tmp_path) == {"good": ""}
