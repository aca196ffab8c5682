"""Vectors for verifiers of access tokens in any language: made from the tables of forged tokens, keys and lists.

Each has a token, a key set, a status list, a policy, a time, and the verdict. verifier/vectors/README.md describes
them.
"""

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import Any

from atjwt import Policy, Reason, Refused, WhenStale, access_token, key_set, status_list
from atjwt.access_token import Terms
from atjwt.jwks import JwksCache
from atjwt.status_list import Freshness, UnusableStatusList
from atjwt.status_lists import StatusLists
from todo_fixtures import broken_lists, key_sets, signing, status_lists
from todo_fixtures.forgeries import FORGERIES
from todo_fixtures.issuer import AUDIENCE, ISSUER, claims, header, jwk, private_key, sign, status, token
from todo_fixtures.status_lists import SIGNER, URI

ACCEPT, REFUSE = "accept", "refuse"
USUAL_KEYS = key_sets.document(jwk("first"), jwk(SIGNER, signs="statuslist+jwt")).decode()
POLICY: dict[str, Any] = {
    "issuer": ISSUER,
    "audience": AUDIENCE,
    "status_lists": f"{URI}/",
    "leeway": 60,
    "token_max_age": 86_400,
    "algorithms": ["ES256", "PS256", "RS256"],
    "requires_status": False,
    "when_stale": "refuse",
}
ALGORITHMS_BUT = {
    alg: (("algorithms", sorted({"RS256", "PS256", "ES256"} - {alg})),) for alg in ("RS256", "PS256", "ES256")
}
TOO_LONG_FOR_A_FILE = ("too-long", "bomb")  # the list of one octet too many stands for them


@dataclass(frozen=True, slots=True)
class Vector:
    """`key_set` and `status_list` are texts, since some are not JSON. `status_list` is what was fetched for the URI."""

    name: str
    verdict: str
    token: str
    key_set: str
    status_list: str | None
    policy: dict[str, Any]
    now: float
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A row of the table: what a vector is made of, and its verdict."""

    verdict: str
    token: Callable[[], str]
    key_set: Callable[[], str] = lambda: USUAL_KEYS
    status_list: Callable[[], str] | None = None
    changes: tuple[tuple[str, Any], ...] = ()  # of the policy
    later: int = 0  # seconds from the signature to `now`


def _tokens() -> Iterator[tuple[str, Entry]]:
    for name, make in FORGERIES.items():
        yield name, Entry(REFUSE, make)
    good: dict[str, Callable[[], str]] = {
        "person": token,
        "service": lambda: token(sub="web", client_id="web", sid=None, auth_time=None),
        "typ-upper-case": lambda: token(headers={"typ": "AT+JWT"}),
        "typ-media-type": lambda: token(headers={"typ": "application/at+jwt"}),
        "aud-list": lambda: token(aud=[AUDIENCE, "https://other.example.com"]),
        "key-headers-ignored": lambda: token(headers={"jku": "https://evil.example.com", "jwk": {}}),
        "no-scope": lambda: token(scope=None),
        "nbf": lambda: token(nbf=int(time.time())),
        "exp-fraction": lambda: token(exp=time.time() + 300.5),
        "more-claims": lambda: token(amr=["pwd"], acr="1", nonce="n"),
        "longest-sub": lambda: token(sub="x" * 255),
        "brackets-in-strings": lambda: token(note="[[[[{{{{ not brackets ]"),
        "roles-and-groups": lambda: token(roles=["accountant"], groups=[{"value": "staff"}]),
        "actor": lambda: token(act={"sub": "agent", "client_id": "web", "act": {"sub": "proxy"}}),
    }
    for name, make in good.items():
        yield f"good-{name}", Entry(ACCEPT, make)
    bad: dict[str, dict[str, Any]] = {
        "roles-string": {"roles": "admin"},
        "roles-numbers": {"roles": [1]},
        "groups-object": {"groups": {"value": "staff"}},
        "act-string": {"act": "agent"},
        "act-without-sub": {"act": {"client_id": "web"}},
        "act-act-list": {"act": {"sub": "agent", "act": []}},
        "service-with-a-session": {"sub": "web", "client_id": "web", "sid": "session"},
        "service-with-a-sign-in": {"sub": "web", "client_id": "web", "auth_time": 1},
    }
    for name, changes in bad.items():
        yield f"R14-{name}", Entry(REFUSE, lambda changes=changes: token(**changes))  # type: ignore[misc]
    for name, seconds, verdict in (("within", 359, ACCEPT), ("beyond", 360, REFUSE)):
        yield f"R13-exp-{name}-the-leeway", Entry(verdict, lambda: token(), later=seconds)
    yield "R13-iat-within-the-leeway", Entry(ACCEPT, lambda: token(iat=int(time.time()) + 50))
    yield "R13-exp-without-leeway", Entry(REFUSE, token, changes=(("leeway", 0),), later=300)
    yield "R9-policy-without-RS256", Entry(REFUSE, token, changes=(("algorithms", ["ES256"]),))
    yield "no-status-where-required", Entry(REFUSE, token, changes=(("requires_status", True),))


def _keys() -> Iterator[tuple[str, Entry]]:
    for name, key in key_sets.USABLE.items():
        made = key_sets.document(key, jwk("first")).decode
        yield f"J10-{name}", Entry(ACCEPT, lambda key=key: _by_second(key["kid"]), made)  # type: ignore[misc]
    for name, key in key_sets.UNUSABLE.items():
        made = key_sets.document(key, jwk("first")).decode
        yield f"J9-{name}", Entry(REFUSE, lambda: _by_second("second"), made)
        yield f"J9-{name}-others-stay", Entry(ACCEPT, token, made)
    whole = {
        "empty": "",
        "html": "<html>",
        "list": "[]",
        "keys-object": '{"keys":{}}',
        "no-keys": '{"keys":[]}',
        "33-keys": key_sets.document(*[jwk("first", kid=str(kid)) for kid in range(33)]).decode(),
        "more-than-64-KiB": USUAL_KEYS + " " * 65_536,
        "keys-twice": '{"keys":[],' + USUAL_KEYS[1:],
    }
    for name, text in whole.items():
        yield f"J8-{name}", Entry(REFUSE, token, lambda text=text: text)  # type: ignore[misc]
    apart = key_sets.document(jwk("first", signs="statuslist+jwt"), jwk("second")).decode
    yield "signs-a-key-for-lists-signs-no-tokens", Entry(REFUSE, token, apart)
    yield "signs-unknown-value", Entry(REFUSE, token, key_sets.document(jwk("first", signs="x"), jwk("second")).decode)


def _algorithms() -> Iterator[tuple[str, Entry]]:
    """RFC 8725 §3.1: a key verifies the algorithm that its JWK names, and no other."""
    for alg, key in signing.JWKS.items():
        made = key_sets.document(key).decode
        yield f"good-{alg}", Entry(ACCEPT, partial(signing.token, alg), made)
        yield f"R9-{alg}-not-in-the-policy", Entry(REFUSE, partial(signing.token, alg), made, None, ALGORITHMS_BUT[alg])
        for other in signing.JWKS.keys() - {alg}:
            yield f"R9-{other}-by-a-key-for-{alg}", Entry(REFUSE, partial(signing.token, other), made)
            named = partial(signing.token, alg, named=other)
            yield f"R9-{alg}-named-{other}-by-a-key-for-{alg}", Entry(REFUSE, named, made)
    made = key_sets.document(signing.JWKS["ES256"]).decode
    for name, octets in {"zero": bytes(64), "short": b"\1" * 63, "long": b"\1" * 65, "ones": b"\xff" * 64}.items():
        yield f"R9-ES256-signature-{name}", Entry(REFUSE, partial(signing.token, "ES256", signature=octets), made)


def _by_second(kid: str) -> str:
    return sign(json.dumps(header(kid=kid)).encode(), json.dumps(claims()).encode(), private_key("second"))


def _lists() -> Iterator[tuple[str, Entry]]:
    def listed(revoked: tuple[int, ...] = (), **changes: Any) -> Callable[[], str]:
        return lambda: status_lists.document("1", revoked, **changes)

    def named(index: int = 5, **changes: Any) -> Callable[[], str]:
        return lambda: token(status=status(index), **changes)

    yield "status-live", Entry(ACCEPT, named(), status_list=listed((4, 6)))
    yield "status-revoked", Entry(REFUSE, named(), status_list=listed((5,)))
    yield "status-first-index-revoked", Entry(REFUSE, named(0), status_list=listed((0,)))
    yield "status-last-index", Entry(ACCEPT, named(1023), status_list=listed((1022,)))
    yield "status-last-index-revoked", Entry(REFUSE, named(1023), status_list=listed((1023,)))
    yield "status-index-behind-the-end", Entry(REFUSE, named(1024), status_list=listed())
    yield "status-list-not-fetched", Entry(REFUSE, named())
    old = (("when_stale", "accept"),)
    yield "status-lagging", Entry(ACCEPT, named(exp=int(time.time()) + 3600), status_list=listed(), later=200)
    yield "status-stale", Entry(REFUSE, named(), status_list=listed(), later=310)
    yield "status-stale-where-accepted", Entry(ACCEPT, named(), status_list=listed(), changes=old, later=310)
    other = (("status_lists", ""),)
    yield "status-where-no-list-is-known", Entry(REFUSE, named(), status_list=listed(), changes=other)
    yield "status-required", Entry(ACCEPT, named(), status_list=listed(), changes=(("requires_status", True),))
    yield "status-list-by-a-key-for-tokens", Entry(REFUSE, named(), status_list=listed(signer="first"))
    shared = key_sets.document(jwk("first"), jwk(SIGNER)).decode
    yield "status-list-in-a-set-without-signs", Entry(ACCEPT, named(), shared, listed(signer="first"))
    for name, make in broken_lists.REFUSED.items():
        if name not in TOO_LONG_FOR_A_FILE:
            yield f"list-{name}", Entry(REFUSE, named(), status_list=make)


FILES = {"tokens": _tokens, "algorithms": _algorithms, "key_sets": _keys, "status_lists": _lists}


def table() -> dict[str, dict[str, Entry]]:
    """The rows of each file, by name."""
    made = {file: dict(rows()) for file, rows in FILES.items()}
    assert sum(map(len, made.values())) == len({name for rows in made.values() for name in rows})
    return made


def make(name: str, entry: Entry) -> Vector:
    """Sign everything now, and note what atjwt says."""
    lists = entry.status_list() if entry.status_list else None
    made = Vector(
        name,
        entry.verdict,
        entry.token(),
        entry.key_set(),
        lists,
        {**POLICY, **dict(entry.changes)},
        int(time.time()) + entry.later,
    )
    return replace(made, reason=judge(made))


def judge(vector: Vector) -> Reason | None:
    """The reason for which atjwt refuses the token; None: it is accepted."""
    said = vector.policy
    policy = Policy(
        leeway=_seconds(said["leeway"]),
        token_max_age=_seconds(said["token_max_age"]),
        algorithms=frozenset(said["algorithms"]),
        requires_status=said["requires_status"],
        when_stale=WhenStale(said["when_stale"]),
    )
    try:
        keys = key_set.parse_keys(vector.key_set.encode())
    except key_set.UnusableKeySet:
        return Reason.KEYS_UNAVAILABLE
    terms = Terms(said["issuer"], said["audience"], said["status_lists"], policy)
    try:
        found = access_token.verify(vector.token, keys=keys.access_tokens, terms=terms, now=vector.now)
        if found.status is not None:
            lists = StatusLists(said["status_lists"].removesuffix("/"), JwksCache(""))
            lists._held = _held(vector, found.status.uri, keys)
            if lists.check(found, now=vector.now) is Freshness.STALE and policy.when_stale is WhenStale.REFUSE:
                return Reason.STATUS_STALE
    except Refused as refused:
        return refused.reason
    return None


def _seconds(value: float) -> timedelta:
    return timedelta(seconds=value)


def _held(vector: Vector, uri: str, keys: key_set.Keys) -> dict[str, status_list.StatusList]:
    if vector.status_list is None:
        return {}
    try:
        text = vector.status_list
        return {uri: status_list.verify(text, uri=uri, keys=keys.status_lists, now=vector.now)}
    except UnusableStatusList:
        return {}
