"""User names: a person's own name for sign-in forms and profiles of clients (OpenID Connect Core §5.1).

A user name is never an e-mail address, as it has no `@`: the claim `preferred_username` may be either of them. Two user
names are the same if they differ only in case or in compatible characters, such as full-width letters.
"""

import re
import unicodedata

from .names import NotAName

MAX_LENGTH = 64  # characters, after normalization
_PUNCTUATION = "._-"
# Code points of letters and marks that show nothing (Default_Ignorable_Code_Point).
_IGNORABLE = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")


def parse_username(text: str) -> str:
    """The user name, in NFKC.

    Raises:
        NotAName: it is empty or too long, or has a character other than letters, digits, `.`, `_` and `-`.
    """
    if len(text) > MAX_LENGTH:
        raise NotAName(f"must have at most {MAX_LENGTH} characters")
    username = unicodedata.normalize("NFKC", text)
    if not username or len(username) > MAX_LENGTH:
        raise NotAName(f"must have 1 to {MAX_LENGTH} characters")
    if _IGNORABLE.search(username) or not all(map(_is_allowed, username)):
        raise NotAName("must consist of letters, digits, '.', '_' and '-'")
    if not (_is_letter_or_digit(username[0]) and username[-1] not in _PUNCTUATION):
        raise NotAName("must begin and end with a letter or a digit")
    return username


def fold_username(username: str) -> str:
    """The form in which two user names are compared: case folded, in NFKC (Unicode §3.13, D145)."""
    folded = unicodedata.normalize("NFD", username).casefold()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).casefold())


def _is_letter_or_digit(character: str) -> bool:
    category = unicodedata.category(character)
    return category.startswith("L") or category == "Nd"


def _is_allowed(character: str) -> bool:
    """Also a mark, which belongs to the letter before it: many scripts write vowels so."""
    is_mark = unicodedata.category(character) in ("Mn", "Mc")
    return _is_letter_or_digit(character) or is_mark or character in _PUNCTUATION
