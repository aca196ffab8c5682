"""Forged tokens, by name. All must be refused.

Their maker knows everything except the issuer's private key; or the issuer signed them, but not as access tokens for
this service. Each name begins with the rule of VERIFIER.md that the token breaks. Those in `MALFORMED` may also be
refused as a malformed request (400); all others get 401.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.hashes import SHA256, SHA512

from todo_fixtures.issuer import AUDIENCE, ISSUER, claims, encode, header, jwk, private_key, sign, token

KEY = private_key("first")
THIEF = private_key("thief")
FORGERIES: dict[str, Callable[[], str]] = {}
MALFORMED: set[str] = set()


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _signed(payload: bytes, **headers: Any) -> str:
    """A token with this payload and these headers, signed with the issuer's key."""
    return sign(_json(header(**headers)), payload, KEY)


def _add(name: str, make: Callable[[], str]) -> None:
    assert name not in FORGERIES
    FORGERIES[name] = make


def _token(changes: dict[str, Any]) -> str:
    return token(**changes)


def _unsigned(**headers: Any) -> str:
    return f"{encode(_json(header(**headers)))}.{encode(_json(claims()))}."


def _hmac(secret: bytes, alg: str = "HS256") -> str:
    """R9, algorithm confusion: an HMAC with `secret`, such as the public key, which everybody knows."""
    signing_input = f"{encode(_json(header(alg=alg)))}.{encode(_json(claims()))}"
    return f"{signing_input}.{encode(hmac.digest(secret, signing_input.encode(), 'sha' + alg[2:]))}"


def _public(encoding: serialization.Encoding, form: serialization.PublicFormat) -> bytes:
    return KEY.public_key().public_bytes(encoding, form)


def _modulus() -> bytes:
    return KEY.public_key().public_numbers().n.to_bytes(256, "big")


def _algorithms() -> None:
    for alg in ("none", "None", "NONE", "nOnE", "", " none", "none\0"):
        _add(f"R9-alg-{alg!r}-unsigned", partial(_unsigned, alg=alg))
        _add(f"R9-alg-{alg!r}-signed", partial(token, headers={"alg": alg}))
    for alg in ("RS384", "RS512", "PS256", "ES256", "EdDSA", "rs256", "RS256 ", "HS256", "dir", "RSA-OAEP"):
        _add(f"R9-alg-{alg!r}", partial(token, headers={"alg": alg}))
    others: tuple[Any, ...] = (1, True, ["RS256"], {"RS256": 1}, [], 1.5)
    for other in others:
        _add(f"R9-alg-{type(other).__name__}-{other!r}", partial(token, headers={"alg": other}))
    _add("R9-alg-absent", lambda: token(headers={"alg": None}))
    _add("R9-alg-null", lambda: sign(b'{"alg":null,"typ":"at+jwt","kid":"first"}', _json(claims()), KEY))
    pem, der = serialization.Encoding.PEM, serialization.Encoding.DER
    spki, pkcs1 = serialization.PublicFormat.SubjectPublicKeyInfo, serialization.PublicFormat.PKCS1
    secrets: dict[str, Callable[[], bytes]] = {
        "pem": lambda: _public(pem, spki),
        "pem-stripped": lambda: _public(pem, spki).strip(),
        "pem-pkcs1": lambda: _public(pem, pkcs1),
        "der": lambda: _public(der, spki),
        "der-pkcs1": lambda: _public(der, pkcs1),
        "jwk": lambda: _json(jwk("first")),
        "modulus": _modulus,
        "modulus-base64url": lambda: encode(_modulus()).encode(),
        "empty": lambda: b"",
        "kid": lambda: b"first",
    }
    for name, secret in secrets.items():
        for alg in ("HS256", "HS384", "HS512"):
            _add(f"R9-{alg}-with-{name}", partial(_hmac, secret(), alg))


def _signatures() -> None:
    _add("R3-other-key-same-kid", lambda: sign(_json(header()), _json(claims()), THIEF))
    _add("R3-no-signature", lambda: token().rpartition(".")[0] + ".")
    _add("R3-signature-of-another", lambda: f"{token().rpartition('.')[0]}.{token(sub='bob').rpartition('.')[2]}")
    _add("R3-signature-cut", lambda: f"{token().rpartition('.')[0]}.{encode(bytes(255))}")
    _add("R3-signature-zero", lambda: f"{token().rpartition('.')[0]}.{encode(bytes(256))}")
    _add("R3-signature-long", lambda: f"{token().rpartition('.')[0]}.{encode(bytes(512))}")
    _add("R3-signature-huge", lambda: f"{token().rpartition('.')[0]}.{encode(b'x' * 5000)}")
    _add("R3-payload-swapped", _swapped)
    _add("R9-sha512-signature", lambda: _with_signature(lambda data: KEY.sign(data, padding.PKCS1v15(), SHA512())))
    pss = padding.PSS(padding.MGF1(SHA256()), padding.PSS.MAX_LENGTH)
    _add("R9-pss-signature", lambda: _with_signature(lambda data: KEY.sign(data, pss, SHA256())))
    curve = ec.generate_private_key(ec.SECP256R1())
    _add("R9-ec-signature", lambda: _with_signature(lambda data: curve.sign(data, ec.ECDSA(SHA256()))))
    _add("R9-digest-as-signature", lambda: _with_signature(lambda data: hashlib.sha256(data).digest()))


def _with_signature(make: Callable[[bytes], bytes]) -> str:
    signing_input = token().rpartition(".")[0]
    return f"{signing_input}.{encode(make(signing_input.encode()))}"


def _swapped() -> str:
    head, _, signature = token().split(".")
    return f"{head}.{encode(_json(claims(sub='bob')))}.{signature}"


def _headers() -> None:
    thief = jwk("thief", kid="first")
    certificate = base64.b64encode(b"0" * 300).decode()
    for name, value in {
        "jwk": thief,
        "jku": "https://evil.example.com/jwks.json",
        "x5u": "https://evil.example.com/cert.pem",
        "x5c": [certificate],
    }.items():
        _add(f"R10-{name}", partial(sign, _json(header(**{name: value})), _json(claims()), THIEF))
        no_kid = _json(header(**{name: value, "kid": None}))
        _add(f"R10-{name}-without-kid", partial(sign, no_kid, _json(claims()), THIEF))
    crits: tuple[Any, ...] = (["x"], ["b64"], ["exp"], [], "exp", None, True, {})
    for crit in crits:
        named = _json({**header(), "crit": crit, "x": 1, "b64": True})
        _add(f"R10-crit-{crit!r}", partial(sign, named, _json(claims()), KEY))
    for b64 in (True, False, "no"):
        _add(f"R10-b64-{b64!r}", partial(token, headers={"b64": b64}))
    kids: dict[str, Any] = {
        "unknown": "nobody",
        "path": "../../../../dev/null",
        "sql": "' OR 1=1 --",
        "url": "https://evil.example.com/key",
        "quotes": '"\\", error="none',
        "line-break": "first\r\nX-Injected: 1",
        "nul": "first\0",
        "long": "k" * 5000,
        "129": "k" * 129,
        "empty": "",
        "upper-case": "FIRST",
        "space": "first ",
        "number": 1,
        "zero": 0,
        "true": True,
        "list": ["first"],
        "object": {"first": 1},
        "null": [None],
    }
    for name, kid in kids.items():
        _add(f"R10-kid-{name}", partial(sign, _json(header(kid=kid)), _json(claims()), KEY))
    _add("R10-kid-absent", lambda: sign(_json(header(kid=None)), _json(claims()), KEY))
    _add("R10-kid-surrogate", lambda: sign(b'{"alg":"RS256","typ":"at+jwt","kid":"\\ud800"}', _json(claims()), KEY))
    typs: tuple[Any, ...] = (
        "JWT", "jwt", "at", "jwt+at", "at+jwt ", "x-at+jwt", "application/jwt", "text/at+jwt", "", "id_token",
        "statuslist+jwt", "logout+jwt", "dpop+jwt", "refresh+jwt", "client-authentication+jwt", "secevent+jwt",
        1, True, ["at+jwt"], {"at+jwt": 1}, "at+jwt;v=1", "at+jwt\0",
    )  # fmt: skip
    for typ in typs:
        _add(f"R8-typ-{typ!r}", partial(token, headers={"typ": typ}))
    _add("R8-typ-absent", lambda: token(headers={"typ": None}))


def _claims() -> None:
    now = int(time.time())
    issuers = (
        ISSUER + "/", ISSUER + ".evil.example.com", ISSUER.upper(), "http" + ISSUER[5:], ISSUER[:-1], ISSUER[8:],
        f" {ISSUER}", f"{ISSUER}\0", "", [ISSUER], {ISSUER: 1}, 1, True,
    )  # fmt: skip
    for iss in issuers:
        _add(f"R11-iss-{iss!r}", partial(token, iss=iss))
    audiences: tuple[Any, ...] = (
        ISSUER, AUDIENCE + "/", AUDIENCE[:-1], AUDIENCE + "/todos", AUDIENCE.upper(), "web", "", [], [ISSUER],
        [AUDIENCE, 1], [AUDIENCE, None], [[AUDIENCE]], {AUDIENCE: 1}, 1, True,
    )  # fmt: skip
    for aud in audiences:
        _add(f"R12-aud-{aud!r}", partial(token, aud=aud))
    for name in ("iss", "aud", "exp", "iat", "sub", "client_id", "jti"):
        _add(f"R14-{name}-absent", partial(_token, {name: None}))
        _add(f"R14-{name}-null", partial(_signed, _json({**claims(), name: None})))
    wrong_identifiers: tuple[Any, ...] = ("", "x" * 256, "a\0b", "a\nb", 1, 1.5, True, ["alice"], {"alice": 1})
    for name in ("sub", "client_id", "jti"):
        for wrong in wrong_identifiers:
            _add(f"R14-{name}-{wrong!r:.12}", partial(_token, {name: wrong}))
        surrogate = f'"{name}": "\\ud800"'.encode()
        _add(f"R14-{name}-surrogate", partial(_signed, _replaced(name, surrogate)))
    for scope in (["todos:read"], 1, True, {"todos:read": 1}):
        _add(f"R14-scope-{scope!r}", partial(token, scope=scope))
    times: dict[str, bytes] = {
        "string": str(now + 300).encode().join((b'"', b'"')), "true": b"true", "null": b"null", "list": b"[1]",
        "object": b"{}", "nan": b"NaN", "infinity": b"Infinity", "minus-infinity": b"-Infinity", "1e400": b"1e400",
        "-1e400": b"-1e400", "1e308": b"1e308", "-1": b"-1", "-1e10": b"-1e10", "5000-digits": b"9" * 5000,
        "300-digits": b"9" * 300, "2**53+": b"9007199254740994", "iso": b'"2099-01-01T00:00:00Z"',
    }  # fmt: skip
    for name in ("exp", "iat", "nbf"):
        for spelling, value in times.items():
            replacement = b'"%b": %b' % (name.encode(), value)
            _add(f"R13-{name}-{spelling}", partial(_signed, _replaced(name, replacement)))
    _add("R13-expired", lambda: token(iat=now - 600, exp=now - 61))
    _add("R13-exp-0", lambda: token(iat=0, exp=0))
    _add("R13-iat-in-the-future", lambda: token(iat=now + 10_000, exp=now + 10_300))
    _add("R13-nbf-in-the-future", lambda: token(nbf=now + 10_000, exp=now + 20_000))
    _add("R13-lives-too-long", lambda: token(iat=now, exp=now + 86_401))
    _add("R25-bound-to-a-key", lambda: token(cnf={"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}))
    _add("R25-bound-to-null", lambda: _signed(_json({**claims(), "cnf": None})))


def _replaced(name: str, member: bytes) -> bytes:
    """The usual payload, with one member written by hand."""
    rest = _json(claims(**{name: None}))
    return b"{%b, %b" % (member, rest[1:])


SPELLINGS: dict[str, Callable[[str], str]] = {
    "padded": lambda segment: segment + "=" * (-len(segment) % 4 or 4),
    "plus": lambda segment: "+" + segment[1:],
    "slash": lambda segment: "/" + segment[1:],
    "standard-alphabet": lambda segment: base64.b64encode(_bytes(segment)).decode().rstrip("=") + "+",
    "asterisk": lambda segment: segment[:4] + "*" + segment[4:],
    "line-break-like": lambda segment: segment[:4] + "%0A" + segment[4:],
    "one-too-many": lambda segment: segment + "A" * ((1 - len(segment)) % 4 or 4),
    "empty": lambda segment: "",
    "stray-bits": lambda segment: segment[:-1] + chr(ord(segment[-1]) + 1),
}


def _forms() -> None:
    _add("R15-9-KiB", lambda: token(padding="x" * 7000))
    for name, text in {
        "1-segment": "a", "2-segments": "a.b", "4-segments": "a.b.c.d", "5-segments": "a.b.c.d.e", "dots": "..",
        "dot": ".", "3000-dots": "." * 3000, "not-ascii": "a.b.\xe9", "asterisk": "*.*.*",
    }.items():  # fmt: skip
        _add(f"R15-{name}", partial(str, text))
    for index, name in enumerate(("header", "payload", "signature")):
        for spelling, change in SPELLINGS.items():
            _add(f"R15-{name}-{spelling}", partial(_segment_changed, index, change))
    payload, head = _json(claims()), _json(header())
    for name, value in {
        "deep-lists": b'{"a":' + b"[" * 2000 + b"]" * 2000 + b"}", "deep-objects": b'{"a":' * 1000 + b"1" + b"}" * 1000,
        "deep-unclosed": b"[" * 3000, "list": b"[]", "string": b'"x"', "number": b"1", "null": b"null", "empty": b"",
        "spaces": b"   ", "utf-16": payload.decode().encode("utf-16"), "latin-1": b'{"sub":"\xe9"}',
        "bom": b"\xef\xbb\xbf" + payload,
        "trailing": payload + b"x", "two": payload + payload, "comment": b"/**/" + payload, "single-quotes": b"{'a':1}",
        "nul": payload + b"\0", "quotes": b'{"' + b'\\"' * 1500,
    }.items():  # fmt: skip
        _add(f"R15-payload-json-{name}", partial(_signed, value))
        if name not in ("deep-lists", "deep-objects", "deep-unclosed", "quotes"):
            _add(f"R15-header-json-{name}", partial(sign, value, payload, KEY))
    _add("R15-header-deep", lambda: sign(b'{"a":' + b"[" * 700 + b"]" * 700 + b"}", payload, KEY))
    _add("R15-header-long", lambda: token(headers={"x": "x" * 3000}))
    for name in ("sub", "exp", "iss", "aud"):
        twice = b"{%b, %b" % (_json({name: claims()[name]})[1:-1], payload[1:])
        _add(f"R15-{name}-twice", partial(_signed, twice))
    for name in ("alg", "kid", "typ"):
        twice = b"{%b, %b" % (_json({name: header()[name]})[1:-1], head[1:])
        _add(f"R15-{name}-twice", partial(sign, twice, payload, KEY))
    _add("R15-nested-twice", lambda: _signed(b'{"x": {"a": 1, "a": 1}, ' + payload[1:]))
    MALFORMED.update(name for name in FORGERIES if name.startswith("R15-"))


def _bytes(segment: str) -> bytes:
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def _segment_changed(index: int, change: Callable[[str], str]) -> str:
    segments = token().split(".")
    # "stray-bits" needs a segment with unused bits at its end, so a length that is not a multiple of 4. Otherwise it
    # would simply change the decoded value.
    padding = ""
    while len(segments[index]) % 4 == 0:
        padding += "x"
        segments = token(padding=padding, headers={"x": padding}).split(".")
    segments[index] = change(segments[index])
    return ".".join(segments)


def _others() -> None:
    """R16: tokens that the issuer signs for other purposes, with the same key."""
    now = int(time.time())
    times = {"iat": now, "exp": now + 300}
    others: dict[str, tuple[str | None, dict[str, Any]]] = {
        "id-token": ("JWT", {"iss": ISSUER, "sub": "alice", "aud": "web", "nonce": "n", **times}),
        "id-token-for-us": ("JWT", claims(nonce="n")),
        "status-list": (
            "statuslist+jwt",
            {"iss": ISSUER, "sub": f"{ISSUER}/oauth/status-lists/1", "status_list": {}, **times},
        ),
        "logout-token": (
            "logout+jwt",
            {"iss": ISSUER, "aud": AUDIENCE, "sub": "alice", "jti": "1", "events": {}, **times},
        ),
        "client-assertion": ("JWT", {"iss": "web", "sub": "web", "aud": ISSUER, "jti": "1", **times}),
        "request-object": ("oauth-authz-req+jwt", {"iss": "web", "aud": ISSUER, "client_id": "web", **times}),
        "introspection": ("token-introspection+jwt", {"iss": ISSUER, "aud": AUDIENCE, "token_introspection": claims()}),
        "refresh-token": (None, claims(scope="offline_access")),
    }
    for name, (typ, payload) in others.items():
        _add(f"R16-{name}", partial(_signed, _json(payload), typ=typ))
    _add("R16-opaque-refresh-token", lambda: encode(bytes(range(32))))
    MALFORMED.add("R16-opaque-refresh-token")


for fill in (_algorithms, _signatures, _headers, _claims, _forms, _others):
    fill()
