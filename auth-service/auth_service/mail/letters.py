"""Mails in words. Each language is one file of languages/, which has a table for each kind of mail.

    subject    the subject line
    before     paragraphs above the button
    button     the text of the button, if the mail has a link
    code       the paragraph below it about a code, if the mail has one
    after      paragraphs below both

Words in braces are replaced: {product}, {host}, {minutes} and what the mail's facts name. What a person typed is never
among them: somebody who signs up with a foreign address could send words to it.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from .kinds import LINK_TTL, Kind

_FOLDER = Path(__file__).parent / "languages"
LANGUAGES = tuple(sorted(path.stem for path in _FOLDER.glob("*.toml")))
DEFAULT_LANGUAGE = "en"
_RANGE = re.compile(r"\s*([A-Za-z]{1,8})(?:-[A-Za-z0-9-]{1,32})?\s*(?:;\s*q=([01](?:\.[0-9]{1,3})?))?\s*", re.ASCII)
_MOST_RANGES = 16


@dataclass(frozen=True)
class Letter:
    language: str
    subject: str
    before: tuple[str, ...]
    button: str
    url: str  # "": the mail has no link
    after: tuple[str, ...]
    footer: str


def write_letter(kind: Kind, language: str, facts: Mapping[str, str], *, url: str = "") -> Letter:
    """The words of a mail. An unknown language is English.

    Args:
        facts: what the words in braces stand for, such as `product` and `host`.
    """
    language = language if language in LANGUAGES else DEFAULT_LANGUAGE
    words = _words(language)
    duration = _duration(LINK_TTL.get(kind, timedelta(0)), words["durations"])
    told = {**facts, "duration": duration}
    table = words[kind]

    def fill(texts: list[str]) -> tuple[str, ...]:
        return tuple(text.format_map(told) for text in texts)

    return Letter(
        language,
        table["subject"].format_map(told),
        fill(table["before"]),
        table.get("button", ""),
        url,
        fill([table["code"], *table["after"]] if "code" in facts and "code" in table else table["after"]),
        words["letter"]["footer"].format_map(told),
    )


def choose_language(accepted: str) -> str:
    """The language for a browser's Accept-Language (RFC 9110 §12.5.4); English if none of ours is in it."""
    ranges = (_RANGE.fullmatch(each) for each in accepted[:1000].split(",")[:_MOST_RANGES])
    wanted = [(float(found[2] or 1), found[1].lower()) for found in ranges if found is not None]
    ours = [(quality, language) for quality, language in wanted if language in LANGUAGES and quality > 0]
    return max(ours, key=lambda each: each[0])[1] if ours else DEFAULT_LANGUAGE


@cache
def _words(language: str) -> Mapping[str, Any]:
    return tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8"))


def _duration(duration: timedelta, words: Mapping[str, str]) -> str:
    minutes = duration // timedelta(minutes=1)
    if minutes % 60:
        return words["minutes"].format(number=minutes)
    hours = minutes // 60
    return words["hour"] if hours == 1 else words["hours"].format(number=hours)
