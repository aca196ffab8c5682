"""Tokens that the API must refuse, by name. Some are made without the issuer's private key; others the issuer signed
wrongly or for another purpose. Each name begins with the rule of todo-service/VERIFIER.md that the token breaks.
"""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from e2e_fixtures.issuer import Issuer, encode, jwk, private_key, sign

Forge = Callable[[Issuer], str]
Named = Iterator[tuple[str, Forge]]
T = TypeVar("T")


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _header(**changes: Any) -> Forge:
    """A token signed by the issuer, with another header."""
    return lambda issuer: issuer.token(header=changes)


def _claims(**changes: Any) -> Forge:
    return lambda issuer: issuer.token(**changes)


def _by_thief(**header: Any) -> Forge:
    """A token signed with a thief's key, which the header offers to the verifier."""
    return lambda issuer: issuer.token(key="thief", header=header)


def _payload(spell: Callable[[bytes], bytes]) -> Forge:
    """A token signed by the issuer, whose payload bytes are changed before signing."""
    return lambda issuer: sign(_json(issuer.header()), spell(_json(issuer.claims())))


def _head(spell: Callable[[bytes], bytes]) -> Forge:
    return lambda issuer: sign(spell(_json(issuer.header())), _json(issuer.claims()))


def _segments(change: Callable[[str, str, str], str]) -> Forge:
    """A valid token whose three segments are put together in another way."""
    return lambda issuer: change(*issuer.token().split("."))


def _with(value: T, forge: Callable[[Issuer, T], str]) -> Forge:
    """Bind the current value of a loop variable."""
    return lambda issuer: forge(issuer, value)


def _unsigned(alg: str) -> Forge:
    return lambda issuer: f"{encode(_json(issuer.header(alg=alg)))}.{encode(_json(issuer.claims()))}."


def _hmac(alg: str, secret: bytes) -> Forge:
    """A token whose HMAC secret is the issuer's public key (RFC 8725 §2.1)."""

    def forge(issuer: Issuer) -> str:
        signed = f"{encode(_json(issuer.header(alg=alg)))}.{encode(_json(issuer.claims()))}"
        return f"{signed}.{encode(hmac.digest(secret, signed.encode(), f'sha{alg[2:]}'))}"

    return forge


def _algorithms() -> Named:
    for alg in ("none", "None", "NONE", "nOnE", ""):
        yield f"R9 alg {alg!r}, unsigned", _unsigned(alg)
        yield f"R9 alg {alg!r}, signed", _header(alg=alg)
    others: tuple[object, ...] = (
        "rs256",
        "RS384",
        "RS512",
        "PS256",
        "ES256",
        "EdDSA",
        "RSA-OAEP",
        0,
        True,
        ["RS256"],
        {"a": "RS256"},
    )
    for other in others:
        yield f"R9 alg {other!r}", _header(alg=other)
    yield "R9 alg absent", _header(alg=None)
    public = private_key("issuer").public_key()
    pem, der = (public.public_bytes(form, PublicFormat.SubjectPublicKeyInfo) for form in (Encoding.PEM, Encoding.DER))
    for name, secret in {"PEM": pem, "PEM stripped": pem.strip(), "DER": der, "JWK": _json(jwk("issuer"))}.items():
        for alg in ("HS256", "HS384", "HS512"):
            yield f"R9 {alg} with the public key as {name}", _hmac(alg, secret)
    yield "R9 HS256 with nothing", _hmac("HS256", b"")


def _keys() -> Named:
    yield "R3 another key under the issuer's kid", _by_thief()
    yield "R10 embedded jwk", _by_thief(jwk=jwk("thief"))
    yield "R10 embedded jwk and no kid", _by_thief(jwk=jwk("thief"), kid=None)
    yield "R10 jku", lambda issuer: issuer.token(key="thief", header={"jku": f"{issuer.url}/thief.json"})
    yield "R10 x5u", lambda issuer: issuer.token(key="thief", header={"x5u": f"{issuer.url}/thief.pem"})
    yield "R10 x5c", _by_thief(x5c=[base64.b64encode(bytes(300)).decode()])
    yield "R10 kid that is a URL", lambda issuer: issuer.token(key="thief", header={"kid": f"{issuer.url}/thief.json"})
    kids = ("nobody", "", "../../../dev/null", "' OR '1'='1", 'x", error="none', "a\r\nX-Injected: 1", "k" * 4000)
    for kid in (*kids, 1, True, ["the-issuers-key"], {"kid": 1}):
        yield f"R10 kid {repr(kid)[:30]}", _header(kid=kid)
    yield "R10 kid absent", _header(kid=None)
    for crit in (["exp"], ["b64"], [], "exp"):
        yield f"R10 crit {crit!r}", _header(crit=crit, b64=True)
    yield "R10 b64 false", _header(b64=False)


def _types() -> Named:
    for typ in ("JWT", "jwt", "at", "at+jwt ", "x-at+jwt", "statuslist+jwt", "logout+jwt", "dpop+jwt", 1, ["at+jwt"]):
        yield f"R8 typ {typ!r}", _header(typ=typ)
    yield "R8 typ absent", _header(typ=None)
    yield "R16 ID token", lambda issuer: issuer.token(header={"typ": "JWT"}, aud="web", nonce="n")
    yield "R16 ID token for our audience", lambda issuer: issuer.token(header={"typ": "JWT"}, nonce="n")
    yield (
        "R16 client assertion",
        lambda issuer: issuer.token(header={"typ": "JWT"}, iss="web", sub="web", aud=issuer.url),
    )
    yield "R16 opaque refresh token", lambda issuer: encode(bytes(range(32)))


def _statements() -> Named:
    for spelling in ("{}/", "{}.evil.example.com", " {}", "{}\0", "{}/api/v1", ""):
        yield f"R11 iss {spelling!r}", _with(spelling, lambda issuer, iss: issuer.token(iss=iss.format(issuer.url)))
    yield "R11 iss in a list", lambda issuer: issuer.token(iss=[issuer.url])
    for spelling in ("{}", "{}/api/v1/", "{}/api", "{}/api/v1/todos", ""):
        yield f"R12 aud {spelling!r}", _with(spelling, lambda issuer, aud: issuer.token(aud=aud.format(issuer.url)))
    yield "R12 aud in a list of lists", lambda issuer: issuer.token(aud=[[issuer.audience]])
    yield "R12 aud empty list", _claims(aud=[])
    for name in ("iss", "aud", "exp", "iat", "sub", "client_id", "jti"):
        yield f"R14 {name} absent", _claims(**{name: None})
    for name in ("sub", "client_id", "jti"):
        for value in ("", "x" * 300, 1, True, ["alice"]):
            yield f"R14 {name} {repr(value)[:12]}", _claims(**{name: value})
    yield "R14 scope in a list", _claims(scope=["todos:read", "todos:write"])
    yield "R25 bound to a key", _claims(cnf={"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"})


def _times() -> Named:
    now = int(time.time())
    yield "R13 expired", _claims(iat=now - 600, exp=now - 120)
    yield "R13 exp 0", _claims(exp=0)
    yield "R13 not yet", _claims(nbf=now + 3600)
    yield "R13 issued in the future", _claims(iat=now + 3600, exp=now + 3900)
    yield "R13 lives for years", _claims(exp=now + 10**9)
    numbers = (b'"9999999999"', b"true", b"null", b"[1]", b"NaN", b"Infinity", b"1e400", b"-1", b"9" * 400)
    for name in ("exp", "nbf", "iat"):
        for number in numbers:
            spelled = b'"%b": %b' % (name.encode(), number)
            yield f"R13 {name} {number[:12].decode()}", _claim_spelled(name, spelled)


def _forms() -> Named:
    for text in ("x", "x.y", "a.b.c", "..", ".", "a.b.c.d", "." * 2000, "*.*.*"):
        yield f"R15 {text[:12]}", _with(text, lambda _, text: text)
    yield "R15 payload swapped", lambda issuer: _swapped(issuer.token(), issuer.token(sub="bob"))
    yield "R15 signature cut off", _segments(lambda head, payload, signature: f"{head}.{payload}.")
    yield "R15 signature shortened", _segments(lambda head, payload, signature: f"{head}.{payload}.{signature[:-4]}")
    yield "R15 five segments", _segments(lambda head, payload, signature: f"{head}.{payload}.{signature}.{payload}.x")
    yield "R15 padded signature", _segments(lambda head, payload, signature: f"{head}.{payload}.{signature}==")
    yield "R15 padded header", _segments(lambda head, payload, signature: f"{head}====.{payload}.{signature}")
    yield "R15 another alphabet", _segments(lambda head, payload, signature: f"{head}.{payload}.+/{signature[2:]}")
    yield "R15 9 KiB", _claims(filling="x" * 7000)
    for name in ("iss", "sub", "exp", "scope"):
        yield f"R15 {name} twice", _claim_twice(name)
    yield "R15 alg twice", _head(lambda head: _twice("alg", "none", head))
    yield "R15 kid twice", _head(lambda head: _twice("kid", "nobody", head))
    contents = {
        "list": b"[]",
        "string": b'"x"',
        "null": b"null",
        "empty": b"",
        "deep": b'{"a":' * 900 + b"1" + b"}" * 900,
        "unclosed": b"[" * 3000,
        "not UTF-8": b'{"sub":"\xff"}',
        "UTF-16": '{"sub":"alice"}'.encode("utf-16"),
        "a lone surrogate": b'{"sub":"\\ud800"}',
    }
    for name, content in contents.items():
        yield f"R15 payload {name}", _with(content, lambda issuer, content: sign(_json(issuer.header()), content))
        if len(content) < 2000:
            yield f"R15 header {name}", _with(content, lambda issuer, content: sign(content, _json(issuer.claims())))
    yield "R15 payload with more behind it", _payload(lambda payload: payload + b"{}")
    yield "R15 payload with a byte order mark", _payload(lambda payload: b"\xef\xbb\xbf" + payload)
    yield "R3 digest instead of a signature", _segments(_digested)


def _claim_spelled(name: str, spelled: bytes) -> Forge:
    return lambda issuer: sign(_json(issuer.header()), b"{%b, %b" % (spelled, _json(issuer.claims(**{name: None}))[1:]))


def _claim_twice(name: str) -> Forge:
    return lambda issuer: sign(_json(issuer.header()), _twice(name, issuer.claims()[name], _json(issuer.claims())))


def _twice(name: str, value: object, members: bytes) -> bytes:
    return b"{%b, %b" % (_json({name: value})[1:-1], members[1:])


def _swapped(good: str, other: str) -> str:
    head, _, signature = good.split(".")
    return f"{head}.{other.split('.')[1]}.{signature}"


def _digested(head: str, payload: str, _: str) -> str:
    return f"{head}.{payload}.{encode(hashlib.sha256(f'{head}.{payload}'.encode()).digest())}"


FORGERIES: dict[str, Forge] = {
    name: forge for kind in (_algorithms, _keys, _types, _statements, _times, _forms) for name, forge in kind()
}
