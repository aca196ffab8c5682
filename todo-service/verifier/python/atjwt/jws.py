"""JWTs in the compact serialization of JWS (RFC 7515, RFC 7519), signed with RS256 by one of the given keys (RFC 8725).

The signature is verified before the payload is parsed. Of a forged token only a short header is parsed, so it costs no
more than a valid token. From PyJWT only the RS256 algorithm is used. `jwt.decode` is not: it looks at every character
a second time, which takes three quarters of its time; it accepts padding, detached payloads and duplicate names; and
it does not check `typ`.
"""

import binascii
from collections.abc import Collection, Mapping

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import RSAAlgorithm

from . import strict_json

MAX_HEADER_LENGTH = 512
MAX_KID_LENGTH = 128
MAX_DEPTH = 8
_MAX_TIME = 2**53  # larger JSON numbers are not exact, and arithmetic with them may overflow

_RS256 = RSAAlgorithm(RSAAlgorithm.SHA256)
_TO_STANDARD = bytes.maketrans(b"-_", b"+/")
_TO_URL = bytes.maketrans(b"+/", b"-_")


class InvalidToken(Exception):
    """The token is refused. The text is one of a few fixed ones; it never quotes the token."""


class UnknownKey(InvalidToken):
    """No given key has this `kid`. The caller may fetch newer keys and try again."""

    def __init__(self, kid: str) -> None:
        super().__init__("the token names a key that the issuer does not publish")
        self.kid = kid


def verify(
    token: str, *, types: Collection[str], keys: Mapping[str, RSAPublicKey], max_length: int
) -> tuple[str, Mapping[str, object]]:
    """Return the `kid` and the payload of a token, if its `typ` is among `types` and its signature is valid.

    Raises:
        UnknownKey: the header is valid, but its `kid` is not among `keys`.
        InvalidToken: anything else is wrong.
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
        raise InvalidToken("a time is missing or malformed")
    return value


def _split(token: str, max_length: int) -> tuple[bytes, bytes, bytes, bytes]:
    """Header, payload, signature and signed part of a compact JWS (RFC 7515 §3.1). A JWE (five segments) is refused."""
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
    """Decode base64url without padding (RFC 7515 §2). Raises ValueError for any other form.

    The result is encoded again and compared. So padding, the other alphabet and stray bits are refused, and each value
    has exactly one accepted spelling.
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
    """Return the `kid` of a header that is valid for RS256.

    `jwk`, `jku`, `x5u` and `x5c` are ignored: keys come only from the configured address (RFC 8725 §3.10).
    """
    if header.get("alg") != "RS256":
        raise InvalidToken("the algorithm is not RS256")
    if "crit" in header or "b64" in header:  # RFC 7515 §4.1.11: no extension is supported
        raise InvalidToken("the token uses an extension")
    typ = header.get("typ")
    if not isinstance(typ, str) or typ.lower() not in types:
        raise InvalidToken("the token is of another type")  # such as an ID token (RFC 8725 §3.11)
    kid = header.get("kid")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID_LENGTH:
        raise InvalidToken("the token does not name its key")
    return kid
