"""Random identifiers. 32 letters and digits hold 190 bits: they cannot be guessed, and do not collide.

A client_id is shorter, or holds a character outside this alphabet, so that it never equals the `sub` of a person
(RFC 9068 §5).
"""

import secrets
import string

ALPHABET = string.ascii_letters + string.digits
LENGTH = 32

# Octets from 248 are dropped: 248 is the greatest multiple of 62 below 256, so all letters are equally likely.
_LETTERS = (ALPHABET * 5)[:256].encode()
_SURPLUS = bytes(range(248, 256))


def draw() -> str:
    letters = secrets.token_bytes(LENGTH + 16).translate(_LETTERS, _SURPLUS)
    return letters[:LENGTH].decode() if len(letters) >= LENGTH else draw()


def from_octets(octets: bytes) -> str:
    """The place among the identifiers that random octets (64 are enough) give, spread as evenly as they are."""
    return octets.translate(_LETTERS, _SURPLUS)[:LENGTH].decode()


def is_one(text: str) -> bool:
    """Whether the text has the form that `draw` returns."""
    return len(text) == LENGTH and text.isascii() and text.isalnum()
