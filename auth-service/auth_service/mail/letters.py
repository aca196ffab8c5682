"""Mails in words. The file of each language, in languages/, has a table for each kind of mail.

    subject    the subject line
    before     paragraphs above the button
    button     the text of the button, if the mail has a link
    code       the paragraph below it about a code, if the mail has one
    after      paragraphs below both

Words in braces are replaced: {product}, {host}, {minutes} and what the mail's facts name. What a person typed is never
among them: somebody who signs up with a foreign address could send words to it.

A notice, which tells the owner what was done, says it in all languages: a thief chooses the first one.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from .kinds import ASKED_FOR, LINK_TTL, Kind
from .languages.catalogues import catalogue_of
from .languages.choosing import DEFAULT_LANGUAGE, LANGUAGES


@dataclass(frozen=True)
class Letter:
    language: str
    subject: str
    before: tuple[str, ...]
    button: str
    url: str  # "": the mail has no link
    after: tuple[str, ...]
    footer: str
    name: str  # of the language, in its own words
    others: tuple["Letter", ...] = ()  # the same in the other languages


def write_letter(kind: Kind, language: str, facts: Mapping[str, str], *, url: str = "") -> Letter:
    """The words of a mail. An unknown language is English.

    Args:
        facts: what the words in braces stand for, such as `product` and `host`.
    """
    first = language if language in LANGUAGES else DEFAULT_LANGUAGE
    letter = _write(kind, first, facts, url)
    others = () if kind in ASKED_FOR else tuple(each for each in LANGUAGES if each != first)
    return replace(letter, others=tuple(_write(kind, each, facts, url) for each in others))


def _write(kind: Kind, language: str, facts: Mapping[str, str], url: str) -> Letter:
    catalogue = catalogue_of(language)
    words = catalogue.mails
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
        catalogue.name,
    )


def _duration(duration: timedelta, words: Mapping[str, str]) -> str:
    minutes = duration // timedelta(minutes=1)
    if minutes % 60:
        return words["minutes"].format(number=minutes)
    hours = minutes // 60
    return words["hour"] if hours == 1 else words["hours"].format(number=hours)
