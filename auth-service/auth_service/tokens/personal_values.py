"""The text of a personal access token: a prefix, 256 random bits and a checksum.

A scanner of sources finds it by `aspat_[0-9A-Za-z]{49}`, and tells it from other text by the checksum: the CRC-32 of
all before it, in base 62 with six digits. It is checked before the database is asked.
"""

import re
import secrets
import zlib

PREFIX = "aspat_"
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_RANDOM, _CHECKSUM = 43, 6  # digits: 256 bits, and 32
_SHAPE = re.compile(rf"{PREFIX}[0-9A-Za-z]{{{_RANDOM + _CHECKSUM}}}")


def draw() -> str:
    body = PREFIX + "".join(secrets.choice(_DIGITS) for _ in range(_RANDOM))
    return body + _checksum(body)


def is_one(text: str) -> bool:
    """Whether the text has the form of a token, with its checksum."""
    return _SHAPE.fullmatch(text) is not None and text.endswith(_checksum(text[:-_CHECKSUM]))


def _checksum(body: str) -> str:
    number, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM):
        number, digit = divmod(number, len(_DIGITS))
        digits = _DIGITS[digit] + digits
    return digits
