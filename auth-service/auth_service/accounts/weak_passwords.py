"""Passwords that are refused: common ones, and those that are little more than the person's name or address.

Every place that stores a new password asks `check_new`. Those where people choose one ask breached_passwords.py next.
"""

import re
import unicodedata
from typing import ClassVar

from .accounts import Account
from .passwords import MAX_LENGTH, Place, utf16_length

LEAST_WORD = 3  # characters of a name or an address that count as a word
LEAST_REST = 4  # letters that a password needs beside such words; or it has more digits than a date
DATE = 8  # digits
_WORD = re.compile(r"[^\W_]+")


class WeakPassword(Exception):
    """A refused password. `code` is for programs, `sentence` for people."""

    code: ClassVar[str]
    sentence: ClassVar[str]


class CommonPassword(WeakPassword):
    code = "PASSWORD_COMPROMISED"
    sentence = "This password is among the most common ones. Please choose another one."


class BreachedPassword(WeakPassword):
    code = "PASSWORD_COMPROMISED"
    sentence = "This password is in a list of passwords that other services have lost. Please choose another one."


class PersonalPassword(WeakPassword):
    code = "PASSWORD_PERSONAL"
    sentence = "This password is little more than your name or your address. Please choose another one."


async def check_new(place: Place, password: str, *about: str) -> None:
    """Check a password of an accepted length.

    Args:
        about: the person's name, user name and address.

    Raises:
        WeakPassword
    """
    if is_personal(password, *about):
        raise PersonalPassword
    if await place.is_common(password):
        raise CommonPassword


def about(account: Account) -> tuple[str, ...]:
    """What an account says about its person."""
    return account.name, account.email, account.username or ""


def is_personal(password: str, *about: str) -> bool:
    """Whether hardly anything is left without the words of the person's name and address, and without a date."""
    if utf16_length(password) > MAX_LENGTH:
        raise ValueError("the length of a password is checked before it is judged")
    rest = _folded(password)
    words = {word for text in about for word in _WORD.findall(_folded(text)) if len(word) >= LEAST_WORD}
    whole = rest
    for word in sorted(words, key=len, reverse=True):
        rest = rest.replace(word, " ")
    if rest == whole:
        return False
    letters, digits = (sum(map(kind, rest)) for kind in (str.isalpha, str.isdigit))
    return letters < LEAST_REST and digits <= DATE


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()
