"""Tables for people, JSON for scripts. Titles and names are shown as text, never as markup."""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .references import INBOX, short

_PRIORITIES = ("", "!", "!!", "!!!")
_WIDE = 200  # characters of a line that does not go to a terminal
Json = Mapping[str, Any]


def write_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False))  # noqa: T201 - the result of a command


def say(text: str) -> None:
    print(_printable(text))  # noqa: T201 - the result of a command


def write_todos(todos: Sequence[Json], lists: Mapping[str, Json]) -> None:
    """One line for each todo: end of the id, title, due date, priority, list."""
    table = Table(box=None, pad_edge=False, show_header=bool(todos))
    for name in ("id", "title", "due", "", "list"):
        table.add_column(name, no_wrap=name != "title", overflow="fold")
    for each in todos:
        is_done = each["status"] == "done"
        name = lists[each["list_id"]]["name"] if each["list_id"] in lists else INBOX if not each["list_id"] else ""
        title = Text(_printable(each["title"]), style="strike dim" if is_done else "")
        marks = Text(_PRIORITIES[each["priority"]], style="bold red")
        table.add_row(Text(short(each["id"]), style="cyan"), title, Text(each["due"] or ""), marks, Text(name))
    width = None if sys.stdout.isatty() else _WIDE
    Console(width=width, highlight=False).print(table if todos else "Nothing.")


def one(todo: Json, what: str) -> str:
    return f"{what} {short(todo['id'])}: {todo['title']}"


def _printable(text: str) -> str:
    """Without characters that could move a terminal's cursor. The API refuses them; another server may not."""
    return "".join(each if each.isprintable() or each == "\n" else "\N{REPLACEMENT CHARACTER}" for each in text)
