"""Sentences for people, made in Python. A `Sentence` is its own English text, so it can be used as any other string."""

from collections.abc import Mapping
from datetime import date
from typing import Self


class Sentence(str):
    """An English sentence with values. `Catalogue.say` says it in another language.

        Sentence("Signed in as {name}", name="Ann")
        Sentence("1 passkey", "{number} passkeys", number=2)

    Args:
        text: the sentence; words in braces are replaced.
        plural: the sentence for every `number` but 1.
        values: texts, numbers, days, and further sentences.
    """

    key: str  # what a catalogue calls it: the text, or the plural if there is one
    english: str  # the one of both that the number asks for, before its values are filled in
    number: int  # 0 without a plural
    values: Mapping[str, object]

    def __new__(cls, text: str, plural: str | None = None, **values: object) -> Self:
        number = values.get("number", 0)
        english = text if plural is None or number == 1 else plural
        shown = {name: _in_english(value) for name, value in values.items()}
        made = super().__new__(cls, english.format_map(shown))
        made.key, made.english, made.values = plural or text, english, values
        made.number = number if isinstance(number, int) else 0
        return made


def _in_english(value: object) -> str:
    return f"{value.day} {value:%B %Y}" if isinstance(value, date) else str(value)
