"""How much work Unicode normalization was given: a number, which no busy machine changes."""

import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import groupby
from typing import Literal

import pytest

MARKS = {"two in the wrong order": "\u0315\u0300", "one again and again": "\u0301", "Tibetan": "\u0f73"}


class Work:
    """The work of all calls. A sort of n marks in a row may take n² steps; other characters take one each."""

    def __init__(self) -> None:
        self.done = 0

    def add(self, text: str) -> None:
        for is_mark, run in groupby(text, key=_is_mark):
            size = len(list(run))
            self.done += size**2 if is_mark else size


def _is_mark(character: str) -> bool:
    return unicodedata.combining(character) != 0 or character in "\u0f73\u0f75\u0f81"


@contextmanager
def counted() -> Iterator[Work]:
    """Counts the work of every `unicodedata.normalize` in this process, those of the standard library included."""
    work, normalize = Work(), unicodedata.normalize

    def count(form: Literal["NFC", "NFD", "NFKC", "NFKD"], text: str) -> str:
        work.add(text)
        return normalize(form, text)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(unicodedata, "normalize", count)
        yield work
