"""Texts that people type: bounded before they are normalized, and visible when they are shown.

Normalization sorts the combining marks of each character, which takes time that grows with the square of their number:
130,000 of them take 16 seconds. So the length and the marks in a row are counted first, in one pass.
"""

import unicodedata

MAX_MARKS = 30  # combining marks in a row, as in the Stream-Safe Text Format (UAX #15, section 13)
_LONGEST_DECOMPOSITION = 4  # code points that NFC can join to one, at most
PAIRS = "\u0f73\u0f75\u0f81"  # Tibetan vowels that are no marks themselves, but become two of them

_INVISIBLE = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Mn", "Mc", "Me"})
# Characters without a glyph in other categories: fillers of Hangul, Braille's empty cell, and code points that Unicode
# reserves for invisible characters (Default_Ignorable_Code_Point).
_BLANK = frozenset({0x115F, 0x1160, 0x2065, 0x2800, 0x3164, 0xFFA0, *range(0xFFF0, 0xFFF9)})
_BLANK_PLANE = range(0xE0000, 0xE1000)


def normalized(text: str, *, max_length: int) -> str:
    """The text in NFC, without white space around it. Raises ValueError with a text for the client.

    `max_length` counts the normalized characters. A text that could not become short enough is refused unread.
    """
    text = text.strip()
    if len(text) > max_length * _LONGEST_DECOMPOSITION:
        raise _too_long(max_length)
    if _has_many_marks(text):
        raise ValueError(f"must not contain more than {MAX_MARKS} combining marks in a row")
    normal = unicodedata.normalize("NFC", text)
    if len(normal) > max_length:
        raise _too_long(max_length)
    return normal


def is_visible(text: str) -> bool:
    """Whether the text has a letter, digit, sign or symbol. Spaces, format characters and bare marks show nothing.

    An unassigned character counts as visible: it may be a newer symbol than this Python knows.
    """
    return any(unicodedata.category(each) not in _INVISIBLE and not _is_blank(ord(each)) for each in text)


def _is_blank(code_point: int) -> bool:
    return code_point in _BLANK or code_point in _BLANK_PLANE


def _has_many_marks(text: str) -> bool:
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) or character in PAIRS else 0
        if marks > MAX_MARKS:
            return True
    return False


def _too_long(max_length: int) -> ValueError:
    return ValueError(f"must have at most {max_length} characters")
