"""The words of a language, read from its file at first use.

    [language]   `name` in its own words; `plural`, the index of a plural's form for the number n (gettext's formula);
                 `day`, how a date is written; `months`, their twelve names
    [pages]      "English" = "the same in this language"; for a plural "English plural" = ["one", "many", ...]
    the others   of the mails (mail/letters.py)

Words in braces are replaced. Tags in a text of a template stay as they are. Nothing in a file comes from people, so its
tags are not escaped; the values are.
"""

import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from gettext import c2py  # compiles the formula of plurals of a .po file
from pathlib import Path
from typing import Any

from .choosing import LANGUAGES
from .sentences import Sentence

Forms = str | list[str]
_WORD = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Catalogue:
    code: str
    name: str
    form_of: Callable[[int], int]  # the index of the plural's form for a number
    day: str
    months: tuple[str, ...]
    mails: Mapping[str, Any]
    pages: Mapping[str, Forms]
    templates: Mapping[str, Forms]  # the same as the templates know them: %(name)s for {name}

    def say(self, text: str) -> str:
        """A sentence of Python code in this language, or in English if the catalogue lacks it. It is not escaped."""
        if not isinstance(text, Sentence):
            found = self.pages.get(text)
            return found if isinstance(found, str) else text
        found = self.pages.get(text.key, text.english)
        form = found[self.form_of(text.number)] if isinstance(found, list) else found
        return form.format_map({name: self._value(value) for name, value in text.values.items()})

    def find(self, text: str) -> str:
        """A text of a template, without its values."""
        found = self.templates.get(text)
        return found if isinstance(found, str) else text

    def find_plural(self, one: str, many: str, number: int) -> str:
        found = self.templates.get(many)
        if isinstance(found, list):
            return found[self.form_of(number)]
        return one if number == 1 else many

    def _value(self, value: object) -> str:
        if isinstance(value, Sentence):
            return self.say(value)
        if isinstance(value, date):
            return self.day.format(day=value.day, month=self.months[value.month - 1], year=value.year)
        return str(value)


@cache
def catalogue_of(language: str) -> Catalogue:
    """Raises KeyError if there is no such language."""
    if language not in LANGUAGES:
        raise KeyError(language)
    tables = tomllib.loads((Path(__file__).parent / f"{language}.toml").read_text(encoding="utf-8"))
    about, pages = tables.pop("language"), tables.pop("pages", {})
    templates = {_for_template(key): _forms_for_template(forms) for key, forms in pages.items()}
    form_of, months = c2py(about["plural"]), tuple(about["months"])
    return Catalogue(language, about["name"], form_of, about["day"], months, tables, pages, templates)


def _forms_for_template(forms: Forms) -> Forms:
    return _for_template(forms) if isinstance(forms, str) else [_for_template(form) for form in forms]


def _for_template(text: str) -> str:
    return _WORD.sub(r"%(\1)s", text.replace("%", "%%"))
