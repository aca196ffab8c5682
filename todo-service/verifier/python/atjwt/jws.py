"""JWTs in the compact serialization of JWS (RFC 7515, RFC 7519), signed by one of the given keys (RFC 8725).

The signature is verified before the payload is parsed. Of a forged token only a short header is parsed, so it costs no
more than a valid token. The headers of one key's tokens are alike, so the last ones are remembered.
"""

import binascii
from collections.abc import Collection, Mapping
from functools import lru_cache

from . import strict_json
from .algorithms import ALGORITHMS, VerificationKey
from .refusals import InvalidToken, Reason, UnknownKey

MAX_HEADER_LENGTH = 512
MAX_KID_LENGTH = 128
MAX_DEPTH = 8
_MAX_TIME = 2**53  # larger JSON numbers are not exact, and arithmetic with them may overflow
_HEADERS = 64  # remembered ones
_TOO_LONG = "the token is too long or not ASCII"

# "+", "/" and "=" become a character that no alphabet has: only base64url without padding is accepted.
_TO_STANDARD = bytes.maketrans(b"-_+/=", b"+/!!!")
_ALPHABET = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
# The last character of a text whose length is not a multiple of 4 has unused bits, which must be 0.
_LAST = {0: frozenset(_ALPHABET), 1: frozenset(), 2: frozenset(_ALPHABET[::16]), 3: frozenset(_ALPHABET[::4])}
_PADDING = (b"", b"", b"==", b"=")


def verify(
    token: str,
    *,
    types: Collection[str],
    keys: Mapping[str, VerificationKey],
    max_length: int,
    algorithms: Collection[str] = ALGORITHMS,
) -> tuple[str, dict[str, object]]:
    """Return the `kid` and the payload of a token, if its `typ` is among `types` and its signature is valid.

    Raises:
        UnknownKey: the header is valid, but its `kid` is not among `keys`.
        InvalidToken: anything else is wrong.
    """
    header, payload, signature, signing_input = split(token, max_length)
    algorithm, typ, kid = _read_header(header)
    if algorithm not in algorithms:
        raise InvalidToken(Reason.WRONG_ALGORITHM, "the algorithm is not allowed")
    if typ not in types:
        raise InvalidToken(Reason.WRONG_TYPE, "the token is of another type")  # an ID token (RFC 8725 §3.11)
    key = keys.get(kid)
    if key is None:
        raise UnknownKey(kid)
    if algorithm not in key.algorithms:
        raise InvalidToken(Reason.WRONG_ALGORITHM, "the key is not for this algorithm")
    if not key.has_signed(signing_input, decode(signature), algorithm):
        raise InvalidToken(Reason.BAD_SIGNATURE, "the signature is not the issuer's")
    return kid, parse_object(decode(payload))


def get_time(claims: Mapping[str, object], name: str) -> float:
    """A NumericDate (RFC 7519 §2): seconds since the epoch."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _MAX_TIME:
        raise InvalidToken(Reason.BAD_CLAIM, "a time is missing or malformed")
    return value


def split(token: str, max_length: int, max_header_length: int = MAX_HEADER_LENGTH) -> tuple[bytes, bytes, bytes, bytes]:
    """Header, payload, signature and signed part of a compact JWS (RFC 7515 §3.1). A JWE (five segments) is refused."""
    if len(token) > max_length or not token.isascii():
        raise InvalidToken(Reason.MALFORMED, _TOO_LONG)
    encoded = token.encode()
    segments = encoded.split(b".")
    if len(segments) != 3:
        raise InvalidToken(Reason.MALFORMED, "the token does not have three segments")
    header, payload, signature = segments
    if len(header) > max_header_length:
        raise InvalidToken(Reason.MALFORMED, "the header is too long")
    return header, payload, signature, encoded[: len(header) + 1 + len(payload)]


def decode(segment: bytes) -> bytes:
    try:
        return decode_base64url(segment)
    except ValueError:
        raise InvalidToken(Reason.MALFORMED, "a segment is not base64url") from None


def decode_base64url(text: bytes) -> bytes:
    """Decode base64url without padding (RFC 7515 §2). Raises ValueError for any other form.

    Padding, the other alphabet and stray bits are refused, so each value has exactly one accepted spelling.
    """
    rest = len(text) % 4
    if text and text[-1] not in _LAST[rest]:
        raise ValueError("not base64url")
    return binascii.a2b_base64(text.translate(_TO_STANDARD) + _PADDING[rest], strict_mode=True)


def parse_object(text: bytes) -> dict[str, object]:
    try:
        value = strict_json.parse(text, max_depth=MAX_DEPTH)
    except ValueError:
        raise InvalidToken(Reason.MALFORMED, "a segment is not a JSON object") from None
    if not isinstance(value, dict):
        raise InvalidToken(Reason.MALFORMED, "a segment is not a JSON object")
    return value


@lru_cache(_HEADERS)
def _read_header(segment: bytes) -> tuple[str, str, str]:
    """`alg`, `typ` in lower case, and `kid`.

    `jwk`, `jku`, `x5u` and `x5c` are ignored: keys come only from the configured address (RFC 8725 §3.10).
    """
    header = parse_object(decode(segment))
    algorithm, typ, kid = header.get("alg"), header.get("typ"), header.get("kid")
    if not isinstance(algorithm, str):
        raise InvalidToken(Reason.WRONG_ALGORITHM, "the algorithm is not allowed")
    if "crit" in header or "b64" in header:  # RFC 7515 §4.1.11: no extension is supported
        raise InvalidToken(Reason.UNKNOWN_EXTENSION, "the token uses an extension")
    if not isinstance(typ, str):
        raise InvalidToken(Reason.WRONG_TYPE, "the token is of another type")
    if not isinstance(kid, str) or not 0 < len(kid) <= MAX_KID_LENGTH:
        raise InvalidToken(Reason.NO_KEY_NAMED, "the token does not name its key")
    return algorithm, typ.lower(), kid
