"""Names that are shown to people: of a person (OpenID Connect Core §5.1) and of a client (RFC 7591 §2)."""

import unicodedata

MAX_LENGTH = 256  # characters
_TURNS_DIRECTION = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
_INVISIBLE = frozenset({"Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Mn", "Mc", "Me"})
# Characters without a glyph in other categories: fillers of Hangul, Braille's empty cell, and code points that Unicode
# reserves for invisible characters (Default_Ignorable_Code_Point).
_BLANK = frozenset({0x115F, 0x1160, 0x2065, 0x2800, 0x3164, 0xFFA0, *range(0xFFF0, 0xFFF9)})
_BLANK_PLANE = range(0xE0000, 0xE1000)


class NotAName(ValueError):
    """The text says what a name must be."""


def parse_name(text: str) -> str:
    """The name without white space around it. An empty text is no name, and stays empty.

    A joiner between letters is part of a name: Persian and Indic scripts need it. A name of nothing but invisible
    characters could not be told from none.

    Raises:
        NotAName
    """
    if len(text) > MAX_LENGTH:
        raise NotAName(f"must have at most {MAX_LENGTH} characters")
    if any(map(_is_control, text)):
        raise NotAName("must not contain control characters")
    if text and not is_visible(text):
        raise NotAName("must contain a visible character")
    return text.strip()


def _is_control(character: str) -> bool:
    """Also line breaks, lone surrogates, and the characters that turn the direction of the text around a name."""
    return (
        unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(character) in _TURNS_DIRECTION
    )


def is_visible(text: str) -> bool:
    """Whether the text has a letter, digit, sign or symbol. Spaces, format characters and bare marks show nothing.

    An unassigned character counts as visible: it may be a newer symbol than this Python knows.
    """
    return any(unicodedata.category(each) not in _INVISIBLE and not _is_blank(ord(each)) for each in text)


def _is_blank(code_point: int) -> bool:
    return code_point in _BLANK or code_point in _BLANK_PLANE
