"""The form in which texts are searched: `q` and the stored text are folded in the same way and then compared exactly.

Two texts are equal after folding if they are canonically and caselessly the same (Unicode, section 3.13, D145): é in
one or in two code points, STRASSE and straße, all three sigmas. The result is in NFC.
"""

from unicodedata import combining, normalize

from .texts import PAIRS

_MOST_MARKS = 30  # in a row, as in the Stream-Safe Text Format (UAX #15 §13)
_JOINER = "\u034f"  # COMBINING GRAPHEME JOINER ends a row of marks and is not shown


def fold(text: str) -> str:
    if text.isascii():
        return text.lower()
    return normalize("NFC", normalize("NFD", _bounded(text)).casefold())


def _is_mark(character: str) -> bool:
    """Whether the character is a combining mark, or becomes two of them."""
    return combining(character) != 0 or character in PAIRS


def _bounded(text: str) -> str:
    """Break long rows of combining marks: to sort a row takes time that grows with the square of its length."""
    if not any(_is_mark(character) for character in text):
        return text
    marks, parts = 0, []
    for character in text:
        marks = marks + 1 if _is_mark(character) else 0
        if marks > _MOST_MARKS:
            parts.append(_JOINER)
            marks = 1
        parts.append(character)
    return "".join(parts)
