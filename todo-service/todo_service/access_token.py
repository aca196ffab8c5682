"""Access tokens: RS256 JWTs of the profile RFC 9068, verified with keys at hand (RFC 8725).

`verify()` is a pure function: no socket, no file, no clock, no waiting. The signature comes before the payload: of a
token that the issuer did not sign, nothing but a short header is ever parsed, so that a forgery costs no more than
a genuine token. PyJWT supplies the RS256 of it and not `jwt.decode`, which spends three quarters of its time on a
second look at every character, takes padded and detached forms and duplicate names, and leaves `typ` to its caller.
"""

import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import RSAAlgorithm

from todo_service import strict_json

MAX_LENGTH = 8192
MAX_HEADER_LENGTH = 512
MAX_KID_LENGTH = 128
MAX_IDENTIFIER_LENGTH = 255
MAX_DEPTH = 8
_MAX_TIME = 2**53  # beyond it a JSON number is no longer exact, and arithmetic on it may overflow

_RS256 = RSAAlgorithm(RSAAlgorithm.SHA256)
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_TO_URL = bytes.maketrans(b"+/", b"-_")


class InvalidToken(Exception):
    """The token opens nothing. The text is one of a fixed few: it never repeats anything of the token."""


class UnknownKey(InvalidToken):
    """No key by that name. The caller may know where to ask for newer keys; this module does not."""

    def __init__(self, kid: str) -> None:
        super().__init__("the token names a key that the issuer does not publish")
        self.kid = kid


@dataclass(frozen=True, slots=True)
class Policy:
    """Whose tokens are taken, and for what."""

    issuer: str
    audience: str
    leeway: timedelta = timedelta(seconds=60)
    token_max_age: timedelta = timedelta(hours=24)  # nothing that calls itself an access token lives longer


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a valid token says. `iat` and `exp` are seconds since the epoch (RFC 7519 §2, NumericDate)."""

    sub: str
    client_id: str
    jti: str
    iat: float
    exp: float
    scope: frozenset[str]


def verify(token: str, *, keys: Mapping[str, RSAPublicKey], policy: Policy, now: float) -> AccessToken:
    """Return what the token says, or raise InvalidToken (RFC 9068 §4).

    Raises:
        UnknownKey: everything about the header is right except that `kid` is not among `keys`.
    """
    header, payload, signature, signing_input = _split(token)
    kid = _check_header(_parse_object(_decode(header)))
    key = keys.get(kid)
    if key is None:
        raise UnknownKey(kid)
    if not _RS256.verify(signing_input, key, _decode(signature)):
        raise InvalidToken("the signature is not the issuer's")
    return _check_claims(_parse_object(_decode(payload)), policy, now)


def _split(token: str) -> tuple[bytes, bytes, bytes, bytes]:
    """Take a compact JWS apart (RFC 7515 §3.1); five segments would be a JWE, which nobody here can open."""
    if len(token) > MAX_LENGTH or not token.isascii():
        raise InvalidToken("the token is too long or not ASCII")
    encoded = token.encode()
    segments = encoded.split(b".")
    if len(segments) != 3:
        raise InvalidToken("the token does not have three segments")
    header, payload, signature = segments
    if len(header) > MAX_HEADER_LENGTH:
        raise InvalidToken("the header is too long")
    return header, payload, signature, encoded[: len(header) + 1 + len(payload)]


def _decode(segment: bytes) -> bytes:
    """Decode base64url as RFC 7515 §2 writes it: no padding, no other alphabet, no stray bits.

    Encoding it again is what proves all three; each token then has one spelling only.
    """
    try:
        decoded = binascii.a2b_base64(segment.translate(_TO_STANDARD) + b"=" * (-len(segment) % 4))
    except binascii.Error:
        raise InvalidToken("a segment is not base64url") from None
    if binascii.b2a_base64(decoded, newline=False).translate(_TO_URL).rstrip(b"=") != segment:
        raise InvalidToken("a segment is not base64url")
    return decoded


def _parse_object(text: bytes) -> Mapping[str, object]:
    try:
        value = strict_json.parse(text, max_depth=MAX_DEPTH)
    except ValueError:
        raise InvalidToken("a segment is not a JSON object") from None
    if not isinstance(value, dict):
        raise InvalidToken("a segment is not a JSON object")
    return value


def _check_header(header: Mapping[str, object]) -> str:
    """Return the `kid` of an RS256 access token's header.

    `jwk`, `jku`, `x5u` and `x5c` are not looked at: where keys come from is configuration (RFC 8725 §3.10).
    """
    if header.get("alg") != "RS256":
        raise InvalidToken("the algorithm is not RS256")
    if "crit" in header or "b64" in header:  # RFC 7515 §4.1.11: we understand no extension
        raise InvalidToken("the token uses an extension")
    typ = header.get("typ")
    if not isinstance(typ, str) or typ.lower() not in ("at+jwt", "application/at+jwt"):
        raise InvalidToken("the token is not an access token")  # an ID token must not open an API
    kid = header.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID_LENGTH:
        raise InvalidToken("the token does not name its key")
    return kid


def _check_claims(claims: Mapping[str, object], policy: Policy, now: float) -> AccessToken:
    if claims.get("iss") != policy.issuer:
        raise InvalidToken("the issuer is another one")
    if not _names(claims.get("aud"), policy.audience):
        raise InvalidToken("the token is for another audience")
    if "cnf" in claims:  # RFC 9449 §7.1, RFC 8705 §3: whoever shows it as a bearer token did not prove the key
        raise InvalidToken("the token is bound to a key")
    iat, exp = _check_times(claims, policy, now)
    return AccessToken(
        sub=_identifier(claims, "sub"),
        client_id=_identifier(claims, "client_id"),
        jti=_identifier(claims, "jti"),
        iat=iat,
        exp=exp,
        scope=_scope(claims),
    )


def _names(aud: object, audience: str) -> bool:
    """Whether `aud` is our name or a list of strings with it (RFC 7519 §4.1.3)."""
    if isinstance(aud, list):
        return audience in aud and all(isinstance(name, str) for name in aud)
    return aud == audience


def _check_times(claims: Mapping[str, object], policy: Policy, now: float) -> tuple[float, float]:
    leeway = policy.leeway.total_seconds()
    iat, exp = _time(claims, "iat"), _time(claims, "exp")
    if now >= exp + leeway:
        raise InvalidToken("the token has expired")
    if iat > now + leeway or ("nbf" in claims and _time(claims, "nbf") > now + leeway):
        raise InvalidToken("the token is not valid yet")
    if exp - iat > policy.token_max_age.total_seconds():
        raise InvalidToken("the token lives too long")
    return iat, exp


def _time(claims: Mapping[str, object], name: str) -> float:
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MAX_TIME:
        raise InvalidToken("a time is missing or is not one")
    return value


def _identifier(claims: Mapping[str, object], name: str) -> str:
    """A string that can be stored and logged as it is: RFC 9068 §2.2 wants it, a database cannot hold a NUL."""
    value = claims.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_IDENTIFIER_LENGTH or not value.isprintable():
        raise InvalidToken("an identifier is missing or is not one")
    return value


def _scope(claims: Mapping[str, object]) -> frozenset[str]:
    """The scopes (RFC 9068 §2.2.3). A token without any is valid; it opens nothing that asks for one."""
    scope = claims.get("scope", "")
    if not isinstance(scope, str):
        raise InvalidToken("the scope is not a string")
    return frozenset(scope.split(" ")) - {""}
