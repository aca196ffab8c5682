"""JWTs in the compact serialization of JWS (RFC 7515, RFC 7519), signed with RS256 by a key at hand (RFC 8725).

The signature comes before the payload: of a token that the issuer did not sign, nothing but a short header is ever
parsed, so that a forgery costs no more than a genuine token. PyJWT supplies the RS256 of it and not `jwt.decode`, which
spends three quarters of its time on a second look at every character, takes padded and detached forms and duplicate
names, and leaves `typ` to its caller.
"""

import binascii
from collections.abc import Collection, Mapping

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import RSAAlgorithm

from . import strict_json

MAX_HEADER_LENGTH = 512
MAX_KID_LENGTH = 128
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


def verify(
    token: str, *, types: Collection[str], keys: Mapping[str, RSAPublicKey], max_length: int
) -> tuple[str, Mapping[str, object]]:
    """The `kid` and the payload of a token whose `typ` is among `types` and whose signature is right.

    Raises:
        UnknownKey: everything about the header is right except that `kid` is not among `keys`.
        InvalidToken: anything else.
    """
    header, payload, signature, signing_input = _split(token, max_length)
    kid = _check_header(_parse_object(_decode(header)), types)
    key = keys.get(kid)
    if key is None:
        raise UnknownKey(kid)
    if not _RS256.verify(signing_input, key, _decode(signature)):
        raise InvalidToken("the signature is not the issuer's")
    return kid, _parse_object(_decode(payload))


def get_time(claims: Mapping[str, object], name: str) -> float:
    """A NumericDate (RFC 7519 §2): seconds since the epoch."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MAX_TIME:
        raise InvalidToken("a time is missing or is not one")
    return value


def _split(token: str, max_length: int) -> tuple[bytes, bytes, bytes, bytes]:
    """Take a compact JWS apart (RFC 7515 §3.1); five segments would be a JWE, which nobody here can open."""
    if len(token) > max_length or not token.isascii():
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
    try:
        return decode_base64url(segment)
    except ValueError:
        raise InvalidToken("a segment is not base64url") from None


def decode_base64url(text: bytes) -> bytes:
    """Decode base64url as RFC 7515 §2 writes it: no padding, no other alphabet, no stray bits; otherwise ValueError.

    Encoding it again is what proves all three; each value then has one spelling only.
    """
    decoded = binascii.a2b_base64(text.translate(_TO_STANDARD) + b"=" * (-len(text) % 4))
    if binascii.b2a_base64(decoded, newline=False).translate(_TO_URL).rstrip(b"=") != text:
        raise ValueError("not base64url")
    return decoded


def _parse_object(text: bytes) -> Mapping[str, object]:
    try:
        value = strict_json.parse(text, max_depth=MAX_DEPTH)
    except ValueError:
        raise InvalidToken("a segment is not a JSON object") from None
    if not isinstance(value, dict):
        raise InvalidToken("a segment is not a JSON object")
    return value


def _check_header(header: Mapping[str, object], types: Collection[str]) -> str:
    """Return the `kid` of an RS256 token's header.

    `jwk`, `jku`, `x5u` and `x5c` are not looked at: where keys come from is configuration (RFC 8725 §3.10).
    """
    if header.get("alg") != "RS256":
        raise InvalidToken("the algorithm is not RS256")
    if "crit" in header or "b64" in header:  # RFC 7515 §4.1.11: we understand no extension
        raise InvalidToken("the token uses an extension")
    typ = header.get("typ")
    if not isinstance(typ, str) or typ.lower() not in types:
        raise InvalidToken("the token is of another type")  # an ID token must not open an API (RFC 8725 §3.11)
    kid = header.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID_LENGTH:
        raise InvalidToken("the token does not name its key")
    return kid
