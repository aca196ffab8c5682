"""The cost of a token: atjwt compared with plain `jwt.decode` with the same options.

    python tests-e2e/bench/verify.py

Rounds are interleaved, so that a busy moment of the machine slows all alike; the median of the rounds counts. A forged
token is compared with a new valid token of the same length.
"""

import json
import statistics
import sys
import time
import timeit
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

sys.path.append(str(Path(__file__).resolve().parents[2] / "todo-service/verifier/python"))

# The bench imports the measured code, because over HTTP its microseconds would not be visible.
from atjwt.access_token import AccessToken, StatusReference, Terms
from atjwt.algorithms import VerificationKey
from atjwt.jwks import JwksCache
from atjwt.refusals import InvalidToken
from atjwt.status_list import StatusList
from atjwt.status_lists import StatusLists
from atjwt.verified_tokens import VerifiedTokens

ISSUER = "http://localhost:8080"
TERMS = Terms(issuer=ISSUER, audience=f"{ISSUER}/api/v1")
REQUIRED = ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"]
ROUNDS, TOKENS = 41, 100
BARE, HOT, COLD, COLD_LONG = "bare jwt.decode", "hot: seen before", "cold: new", "cold: new, 8 KiB"
FORGED = ("forged: other key", "forged: unknown kid", "forged: alg none")
FORGED_LONG = "forged: other key, 8 KiB"
STATUS_MICROSECONDS = 1.0
HOT_MICROSECONDS, COLD_TO_BARE, FORGED_TO_COLD = 10.0, 1.3, 1.0


def main() -> int:
    key, thief = (rsa.generate_private_key(65537, 2048) for _ in range(2))
    keys = {"k" * 43: VerificationKey(key.public_key())}
    genuine = [_token(key) for _ in range(TOKENS)]
    bad_signature = [_token(thief) for _ in range(TOKENS)]
    unknown_kid = [_token(key, kid=uuid.uuid4().hex) for _ in range(TOKENS)]
    alg_none = [_token(key, alg="none") for _ in range(TOKENS)]
    # Nearly 8 KiB, with the longest and most awkward header that is allowed.
    long = [_token(key, padding="[{}]," * 1020) for _ in range(TOKENS)]
    long_forged = [_token(thief, x5c=["[{}]," * 40], padding="[{}]," * 1000) for _ in range(TOKENS)]
    now = time.time()
    tokens = VerifiedTokens(TERMS)

    def bare(token: str) -> None:
        jwt.decode(
            token,
            key.public_key(),
            algorithms=["RS256"],
            issuer=TERMS.issuer,
            audience=TERMS.audience,
            leeway=TERMS.policy.leeway,
            options={"require": REQUIRED},
        )

    def hot(token: str) -> None:
        tokens.verify(token, keys=keys, now=now)

    def cold(token: str) -> None:
        cold_tokens.verify(token, keys=keys, now=now)
        cold_tokens._entries.clear()

    def forged(token: str) -> None:
        try:
            tokens.verify(token, keys=keys, now=now)
        except InvalidToken:
            return
        raise AssertionError("a forged token was accepted")

    cold_tokens = VerifiedTokens(TERMS)
    measured = _measure(
        {
            BARE: (bare, genuine),
            HOT: (hot, genuine),
            COLD: (cold, genuine),
            COLD_LONG: (cold, long),
            **{name: (forged, each) for name, each in zip(FORGED, (bad_signature, unknown_kid, alg_none), strict=True)},
            FORGED_LONG: (forged, long_forged),
        }
    )
    _print(measured, length=len(genuine[0]))
    return max(_judge(measured), _judge_status_check())


def _judge_status_check() -> int:
    """Measure the check for revocation, which each request makes, also with a cached token."""
    now, uri = time.time(), f"{ISSUER}/oauth/status-lists/1"
    lists = StatusLists(f"{ISSUER}/oauth/status-lists", JwksCache(ISSUER))
    lists._held = {uri: StatusList(uri, bytes(2**17 // 8), now, "k", "")}
    token = AccessToken("alice", "web", "1", now, now + 300, frozenset(), now, StatusReference(uri, 70_000))
    seconds, empty = (
        min(timeit.repeat(act, number=10_000, repeat=ROUNDS)) for act in (lambda: lists.check(token, now=now), int)
    )
    return int(not _reached("the status check, in µs", (seconds - empty) * 100, STATUS_MICROSECONDS))


def _token(
    key: rsa.RSAPrivateKey, *, kid: str = "k" * 43, alg: str = "RS256", x5c: Sequence[str] = (), **more: Any
) -> str:
    now = int(time.time())
    claims = {
        "iss": TERMS.issuer,
        "sub": str(uuid.uuid4()),
        "aud": TERMS.audience,
        "client_id": "web",
        "iat": now,
        "exp": now + 300,
        "jti": uuid.uuid4().hex,
        "scope": "todos:read todos:write",
        "sid": uuid.uuid4().hex,
        "auth_time": now,
        "acr": "1",
        "amr": ["pwd"],
        **more,
    }
    signed = jwt.encode(claims, key, "RS256", headers={"typ": "at+jwt", "kid": kid, **({"x5c": x5c} if x5c else {})})
    if alg == "RS256":
        return signed
    header = jwt.utils.base64url_encode(json.dumps({"alg": alg, "typ": "at+jwt", "kid": kid}).encode()).decode()
    return ".".join([header, *signed.split(".")[1:]])


def _measure(subjects: dict[str, tuple[Callable[[str], None], Sequence[str]]]) -> dict[str, float]:
    """Microseconds per token. The first round warms up and is not counted."""
    rounds: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(ROUNDS + 1):
        for name, (verify, tokens) in subjects.items():
            begun = time.perf_counter()
            for token in tokens:
                verify(token)
            rounds[name].append((time.perf_counter() - begun) / len(tokens) * 1e6)
    return {name: statistics.median(times[1:]) for name, times in rounds.items()}


def _print(measured: dict[str, float], *, length: int) -> None:
    bare, cold = measured[BARE], measured[COLD]
    print(f"RS256, 2048 bit, {length} characters; median of {ROUNDS} rounds of {TOKENS} tokens")
    print(f"{'':25}{'µs':>8}{'x bare':>9}{'x cold':>9}")
    for name, microseconds in measured.items():
        print(f"{name:25}{microseconds:8.1f}{microseconds / bare:9.2f}{microseconds / cold:9.2f}")


def _judge(measured: dict[str, float]) -> int:
    """The exit code: 1 if a target is missed."""
    cold = measured[COLD] / measured[BARE]
    forged = max(*(measured[name] / measured[COLD] for name in FORGED), measured[FORGED_LONG] / measured[COLD_LONG])
    reached = [
        _reached("hot, in µs", measured[HOT], HOT_MICROSECONDS),
        _reached("cold, times bare", cold, COLD_TO_BARE),
        _reached("the slowest forged, times cold of the same length", forged, FORGED_TO_COLD),
    ]
    return int(not all(reached))


def _reached(what: str, value: float, target: float) -> bool:
    print(f"target: {what}, at most {target}: {value:.2f}, {'reached' if value <= target else 'MISSED'}")
    return value <= target


if __name__ == "__main__":
    sys.exit(main())
