"""Vectors for DPoP proofs (RFC 9449): a token, a proof, the request that both came with, and the verdict.

The names begin with the rule of VERIFIER.md, R28, unless the proof is good. verifier/vectors/README.md describes them.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from atjwt import Endpoints, Policy, Reason, Refused, Seams, Verifier, dpop, key_set
from atjwt.key_set import KeySet
from todo_fixtures import key_sets
from todo_fixtures.issuer import AUDIENCE, ISSUER, encode, jwk, private_key, token

ACCEPT, REFUSE = "accept", "refuse"
URL = f"{AUDIENCE}/todos"
KEYS = key_sets.document(jwk("first")).decode()
POLICY: dict[str, Any] = {
    "issuer": ISSUER,
    "audience": AUDIENCE,
    "proof_max_age": 30,
    "proof_algorithms": ["ES256", "PS256", "RS256"],
}
CLIENT, THIEF = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
Changes = dict[str, Any]


def ec_jwk(key: ec.EllipticCurvePrivateKey, **members: Any) -> dict[str, Any]:
    numbers, size = key.public_key().public_numbers(), (key.key_size + 7) // 8
    x, y = (encode(number.to_bytes(size, "big")) for number in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": f"P-{key.key_size}", "x": x, "y": y, **members}


def rsa_jwk(name: str = "client", **members: Any) -> dict[str, Any]:
    return {member: value for member, value in jwk(name).items() if member in ("kty", "n", "e")} | members


OF_CLIENT = dpop.thumbprint(ec_jwk(CLIENT))
OF_RSA = dpop.thumbprint(rsa_jwk())
BOUND = token(cnf={"jkt": OF_CLIENT})
BOUND_TO_RSA = token(cnf={"jkt": OF_RSA})


def by_curve(key: ec.EllipticCurvePrivateKey) -> Callable[[bytes], bytes]:
    def sign(data: bytes) -> bytes:
        r, s = decode_dss_signature(key.sign(data, ec.ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    return sign


def by_rsa(alg: str) -> Callable[[bytes], bytes]:
    padded = padding.PKCS1v15() if alg == "RS256" else padding.PSS(padding.MGF1(SHA256()), 32)
    return lambda data: private_key("client").sign(data, padded, SHA256())


def by_secret(secret: bytes) -> Callable[[bytes], bytes]:
    return lambda data: hmac.digest(secret, data, "sha256")


def claims(changes: Changes) -> Changes:
    made = {"jti": "1", "htm": "GET", "htu": URL, "iat": int(time.time()), "ath": ath(BOUND)} | changes
    return {name: value for name, value in made.items() if value is not None}


def ath(text: str) -> str:
    return encode(hashlib.sha256(text.encode()).digest())


def proof(
    header: Changes | None = None, sign: Callable[[bytes], bytes] | None = None, raw: bytes = b"", **changes: Any
) -> str:
    """A proof of the client, with changed members and claims. One that is None is left out. `raw` is the payload."""
    made = {"typ": "dpop+jwt", "alg": "ES256", "jwk": ec_jwk(CLIENT)} | (header or {})
    head = json.dumps({name: value for name, value in made.items() if value is not None})
    data = f"{encode(head.encode())}.{encode(raw or json.dumps(claims(changes)).encode())}"
    return f"{data}.{encode((sign or by_curve(CLIENT))(data.encode()))}"


def rsa_proof(alg: str, jwk_: Changes | None = None, **header: Any) -> str:
    made = {"alg": alg, "jwk": jwk_ or rsa_jwk(), **header}
    return proof(made, by_rsa(alg), ath=ath(BOUND_TO_RSA))


@dataclass(frozen=True, slots=True)
class ProofVector:
    """`used_before` are proofs for the same token and request that were accepted just before."""

    name: str
    verdict: str
    token: str
    proof: str
    method: str
    url: str
    key_set: str
    policy: Changes
    now: float
    used_before: list[str] = field(default_factory=list)
    reason: str | None = None


def _row(name: str, verdict: str, text: str, **changes: Any) -> tuple[str, ProofVector]:
    made = ProofVector(name, verdict, BOUND, text, "GET", URL, KEYS, POLICY, int(time.time()))
    return name, replace(made, **changes)


def _good() -> Iterator[tuple[str, ProofVector]]:
    now = int(time.time())
    yield _row("good-proof-ES256", ACCEPT, proof())
    for alg in ("RS256", "PS256"):
        yield _row(f"good-proof-{alg}", ACCEPT, rsa_proof(alg), token=BOUND_TO_RSA)
    yield _row("good-proof-POST", ACCEPT, proof(htm="POST"), method="POST")
    yield _row("good-proof-typ-upper-case", ACCEPT, proof({"typ": "DPOP+JWT"}))
    yield _row("good-proof-jwk-members", ACCEPT, proof({"jwk": ec_jwk(CLIENT, kid="k", use="sig", alg="ES256")}))
    yield _row("good-proof-more-claims", ACCEPT, proof(nonce="n", aud="x", exp=now + 60))
    yield _row("good-proof-iat-fraction", ACCEPT, proof(iat=now - 0.5))
    for seconds in (-30, 30):
        yield _row(f"good-proof-iat-{seconds}-seconds", ACCEPT, proof(iat=now + seconds), now=now)
    spellings = {
        "query-and-fragment": f"{URL}?a=b#c",
        "scheme-and-host-upper-case": URL.replace("https://issuer.", "HTTPS://ISSUER."),
        "default-port": URL.replace(".com", ".com:443"),
        "escaped-letter": URL.replace("todos", "%74odos"),
    }
    for name, htu in spellings.items():
        yield _row(f"good-proof-htu-{name}", ACCEPT, proof(htu=htu))
    tilde = f"{URL}/~%c3%a4"
    yield _row("good-proof-htu-escapes", ACCEPT, proof(htu=f"{URL}/%7E%C3%A4"), url=tilde)
    yield _row("good-proof-htu-without-path", ACCEPT, proof(htu=ISSUER), url=f"{ISSUER}/")
    yield _row("good-proof-url-with-query", ACCEPT, proof(), url=f"{URL}?limit=1")
    yield _row("good-proof-jti-another", ACCEPT, proof(jti="2"), used_before=[proof()])


def _forms() -> Iterator[tuple[str, str]]:
    """What is no proof at all, and headers that are wrong."""
    good = proof()
    head, payload, signature = good.split(".")
    yield from {"empty": "", "two-segments": f"{head}.{payload}", "five-segments": f"{good}.a.b"}.items()
    yield from {"padded": f"{good}=", "space": f"{good} ", "two-proofs": f"{good}, {good}"}.items()
    yield "not-ascii", good + "ä"
    yield "too-long", proof(note="x" * 8192)
    yield "header-too-long", proof({"x5c": "x" * 2048})
    yield "header-not-json", f"{encode(b'{')}.{payload}.{signature}"
    yield "header-member-twice", _with_header(b'{"alg":"none",' + _usual_header()[1:])
    yield "payload-list", proof(raw=b"[]")
    yield "payload-member-twice", proof(raw=b'{"htm":"DELETE",' + json.dumps(claims({})).encode()[1:])
    yield "crit", proof({"crit": ["x"], "x": 1})
    yield "b64", proof({"b64": False})
    types: Changes = {"absent": None, "JWT": "JWT", "access-token": "at+jwt", "number": 1, "media": "x/dpop+jwt"}
    for name, typ in types.items():
        yield f"typ-{name}", proof({"typ": typ})
    for alg in ("none", "HS256", "RS256", "ES384", "EdDSA", "es256", "", 1, None):
        yield f"alg-{alg!r}", proof({"alg": alg})
    yield "alg-none-unsigned", proof({"alg": "none"}, lambda _: b"")


def _keys() -> Iterator[tuple[str, str]]:
    usual, secret = ec_jwk(CLIENT), {"kty": "oct", "k": encode(b"secret")}
    symmetric = {"absent": None, "string": "x", "list": [usual], "empty": {}, "symmetric": secret}
    for name, key in symmetric.items():
        yield f"jwk-{name}", proof({"jwk": key})
    yield "jwk-symmetric-HS256", proof({"alg": "HS256", "jwk": secret}, by_secret(b"secret"))
    yield "HS256-with-the-public-key", proof({"alg": "HS256"}, by_secret(json.dumps(usual).encode()))
    private = encode(CLIENT.private_numbers().private_value.to_bytes(32, "big"))
    yield "jwk-private", proof({"jwk": {**usual, "d": private}})
    changes: dict[str, Changes] = {
        "off-the-curve": {"x": usual["y"], "y": usual["x"]},
        "P-384": ec_jwk(ec.generate_private_key(ec.SECP384R1())),
        "Ed25519": {"kty": "OKP", "crv": "Ed25519"},
        "x-number": {"x": 1},
        "x-not-base64url": {"x": "*" * 43},
        "y-null": {"y": None},
        "use-enc": {"use": "enc"},
        "alg-of-another": {"alg": "RS256"},
        "key_ops-sign": {"key_ops": ["sign"]},
    }
    for name, members in changes.items():
        yield f"jwk-{name}", proof({"jwk": {**usual, **members}})


def _signatures() -> Iterator[tuple[str, str]]:
    yield "signed-by-another", proof(sign=by_curve(THIEF))
    yield "key-of-another", proof({"jwk": ec_jwk(THIEF)}, by_curve(THIEF))
    for name, octets in {"empty": b"", "zero": bytes(64), "short": b"\1" * 63, "long": b"\1" * 65}.items():
        yield f"signature-{name}", proof(sign=lambda _, octets=octets: octets)  # type: ignore[misc]
    yield "signature-in-ASN.1", proof(sign=lambda data: CLIENT.sign(data, ec.ECDSA(SHA256())))
    head, _, signature = proof(htu=ISSUER).split(".")
    yield "payload-swapped", f"{head}.{encode(json.dumps(claims({})).encode())}.{signature}"


def _claims() -> Iterator[tuple[str, str]]:
    now = int(time.time())
    other = token(cnf={"jkt": OF_CLIENT})
    values: dict[str, tuple[Any, ...]] = {
        "jti": (None, "", 1, ["1"], "x" * 256),
        "htm": (None, "", "get", "POST", 1, ["GET"]),
        "htu": (
            *(None, "", 1, [URL], "/api/v1/todos", "todos", f"{URL}/", f"{URL}/1", URL[:-1], AUDIENCE),
            *(URL.replace("https", "http"), URL.replace(".com", ".com:444"), URL.replace("issuer", "other")),
            *(URL.replace("issuer", "user@issuer"), URL.replace("todos", "Todos"), URL.replace("/todos", "%2Ftodos")),
            *(f" {URL}", URL.replace("issuer", "issuer\t"), URL.replace(".com", ".com:x"), f"{URL}%", "https://"),
        ),
        "ath": (None, "", 1, ath(other), ath(BOUND) + "=", hashlib.sha256(BOUND.encode()).hexdigest(), BOUND),
        "iat": (None, "now", True, 0, -1, 2**60, [now], now * 1000),
        "exp": (now - 1, "never"),
    }
    for claim, wrong in values.items():
        for place, value in enumerate(wrong):
            yield f"{claim}-{place}", proof(**{claim: value})


def _bad() -> Iterator[tuple[str, ProofVector]]:
    for rows in (_forms, _keys, _signatures, _claims):
        for name, text in rows():
            yield _row(f"R28-{name}", REFUSE, text)
    for name, key in {"1024-bits": key_sets.weak(bits=1024), "e-3": key_sets.weak(exponent=3)}.items():
        members = {member: key[member] for member in ("kty", "n", "e")}
        bound = token(cnf={"jkt": dpop.thumbprint(members)})
        yield _row(f"R28-jwk-RSA-{name}", REFUSE, rsa_proof("RS256", members), token=bound)
    private = rsa_jwk(d="AQAB")
    yield _row("R28-jwk-RSA-private", REFUSE, rsa_proof("RS256", private), token=BOUND_TO_RSA)
    named = rsa_jwk(alg="RS256")
    yield _row("R28-jwk-RSA-for-another-algorithm", REFUSE, rsa_proof("PS256", named), token=BOUND_TO_RSA)
    strict = {**POLICY, "proof_algorithms": ["PS256"]}
    yield _row("R28-ES256-not-in-the-policy", REFUSE, proof(), policy=strict)
    strict = {**POLICY, "proof_algorithms": ["ES256", "PS256"]}  # FAPI 2.0 §5.4.1
    yield _row("R28-RS256-not-in-the-policy", REFUSE, rsa_proof("RS256"), token=BOUND_TO_RSA, policy=strict)
    yield _row("R28-another-method", REFUSE, proof(), method="POST")
    yield _row("R28-used-before", REFUSE, proof(), used_before=[proof()])
    yield _row("R28-jti-used-before", REFUSE, proof(iat=int(time.time()) - 1), used_before=[proof()])
    now = int(time.time())
    for seconds in (-31, 31):
        yield _row(f"R28-iat-{seconds}-seconds", REFUSE, proof(iat=now + seconds), now=now)
    for name, text in _tokens().items():
        yield _row(f"R28-token-{name}", REFUSE, proof(ath=ath(text)), token=text)


def _tokens() -> dict[str, str]:
    """Tokens that no proof makes good."""
    bound = {"jkt": OF_CLIENT}
    return {
        "not-bound": token(),
        "cnf-empty": token(cnf={}),
        "cnf-string": token(cnf=OF_CLIENT),
        "jkt-number": token(cnf={"jkt": 1}),
        "jkt-empty": token(cnf={"jkt": ""}),
        "bound-by-certificate": token(cnf={"x5t#S256": OF_CLIENT}),
        "bound-in-two-ways": token(cnf={**bound, "x5t#S256": OF_CLIENT}),
        "expired": token(cnf=bound, iat=1, exp=301),
        "for-another-audience": token(cnf=bound, aud="https://other.example.com"),
        "of-another-type": token(headers={"typ": "JWT"}, cnf=bound),
    }


def _usual_header() -> bytes:
    return json.dumps({"typ": "dpop+jwt", "alg": "ES256", "jwk": ec_jwk(CLIENT)}).encode()


def _with_header(header: bytes) -> str:
    data = f"{encode(header)}.{encode(json.dumps(claims({})).encode())}"
    return f"{data}.{encode(by_curve(CLIENT)(data.encode()))}"


def table() -> dict[str, ProofVector]:
    """The rows, signed now, by name."""
    rows = [*_good(), *_bad()]
    made = dict(rows)
    assert len(made) == len(rows)
    return made


def make(vector: ProofVector) -> ProofVector:
    """With what atjwt says."""
    return replace(vector, reason=judge(vector))


def judge(vector: ProofVector) -> Reason | None:
    """The reason for which atjwt refuses the token with this proof; None: it is accepted."""
    said = vector.policy
    policy = Policy(
        proof_max_age=timedelta(seconds=said["proof_max_age"]), proof_algorithms=frozenset(said["proof_algorithms"])
    )
    endpoints, seams = Endpoints(f"{ISSUER}/jwks.json"), Seams(clock=lambda: vector.now)
    verifier = Verifier(said["issuer"], said["audience"], policy=policy, endpoints=endpoints, seams=seams)
    document = vector.key_set.encode()
    verifier.learn(KeySet(key_set.parse_keys(document), document, None, vector.now), {})
    for used in vector.used_before:
        verifier.verify_dpop(vector.token, used, vector.method, vector.url)
    try:
        verifier.verify_dpop(vector.token, vector.proof, vector.method, vector.url)
    except Refused as refused:
        return refused.reason
    return None
