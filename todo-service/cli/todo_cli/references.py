"""How people name a todo or a list: by the end of an id, or by a name."""

import re
import uuid
from typing import Any

from . import copies
from .api import Api
from .copies import Copy
from .failures import NotFound

SHOWN = 8  # characters of an id that tables show
INBOX = "inbox"
_END = re.compile(r"[0-9a-f]{4,32}")
_MOST_NAMED = 5


def short(id_: str) -> str:
    return id_.replace("-", "")[-SHOWN:]


def find_todo(api: Api, reference: str) -> str:
    """The id of a todo, by the whole id or by its last characters (four at least).

    Raises:
        NotFound: no todo ends so, or several do.
    """
    try:
        return str(uuid.UUID(reference))
    except ValueError:
        pass
    end = reference.lower().replace("-", "")
    if not _END.fullmatch(end):
        raise NotFound(f"{reference} is no end of an id: it has four characters or more, 0-9 and a-f.")
    todos = copies.sync(api).copy.todos
    found = [id_ for id_ in todos if id_.replace("-", "").endswith(end)]
    if not found:
        raise NotFound(f"No todo has an id that ends in {reference}.")
    if len(found) > 1:
        named = "; ".join(f"{id_} {todos[id_]['title']}" for id_ in found[:_MOST_NAMED])
        raise NotFound(f"{len(found)} todos have ids that end in {reference}. Type more of the id: {named}")
    return found[0]


def find_list(api: Api, name: str) -> str | None:
    """The id of a list, by its id or its name in any case; None for the inbox.

    Raises:
        NotFound: no list has this name, or several have.
    """
    if name.casefold() == INBOX:
        return None
    lists: list[dict[str, Any]] = api.get("/lists")["items"]
    found = [each["id"] for each in lists if name == each["id"] or each["name"].casefold() == name.casefold()]
    if len(found) == 1:
        return str(found[0])
    if found:
        raise NotFound(f"{len(found)} lists are called {name}. Use an id: {'; '.join(found)}")
    known = ", ".join(sorted(each["name"] for each in lists)) or "none"
    raise NotFound(f"No list is called {name}. There are: {known}, and {INBOX}.")


def completions(incomplete: str) -> list[tuple[str, str]]:
    """Ends of ids with their titles, for the shell. From the copy only: a shell must not wait for the network."""
    todos = Copy.read().todos.values()
    ends = [(short(each["id"]), each["title"]) for each in todos if each["status"] == "open"]
    return [each for each in ends if each[0].startswith(incomplete)]
