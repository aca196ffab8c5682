"""Names drawn at random. 32 letters and digits hold 190 bits: nobody guesses one, and no two are alike.

Client ids always hold a character from outside this alphabet or are shorter, so that no client can be given the
`sub` of a person (RFC 9068 §5).
"""

import secrets
import string

ALPHABET = string.ascii_letters + string.digits
LENGTH = 32

# Octets of 248 and more are thrown away: 248 is the greatest multiple of 62 that fits, so all letters are as likely.
_LETTERS = (ALPHABET * 5)[:256].encode()
_SURPLUS = bytes(range(248, 256))


def draw() -> str:
    letters = secrets.token_bytes(LENGTH + 16).translate(_LETTERS, _SURPLUS)
    return letters[:LENGTH].decode() if len(letters) >= LENGTH else draw()


def is_one(text: str) -> bool:
    """Whether `draw` could have drawn it."""
    return len(text) == LENGTH and text.isascii() and text.isalnum()
