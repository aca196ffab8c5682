"""The copy of all todos on this computer: read without the network, and brought up to date by what has changed."""

import json
from dataclasses import dataclass, field
from typing import Any, Self

from . import files
from .api import Api, SyncTokenExpired

_FILE = "copy.json"
_PAGE = 500  # changes of one request
Json = dict[str, Any]


@dataclass
class Copy:
    """Todos and lists by id, and the token for the next changes."""

    todos: dict[str, Json] = field(default_factory=dict)
    lists: dict[str, Json] = field(default_factory=dict)
    next: str | None = None

    @classmethod
    def read(cls) -> Self:
        """The copy; an empty one if there is none, or if it cannot be read."""
        text = files.read(files.folder() / _FILE)
        try:
            return cls(**json.loads(text)) if text is not None else cls()
        except (ValueError, TypeError):
            return cls()

    def write(self) -> None:
        files.write(files.folder() / _FILE, json.dumps({"todos": self.todos, "lists": self.lists, "next": self.next}))

    def take(self, page: Json) -> int:
        """Apply a page of changes; returns how many there were."""
        for kind, upserts, tombstones in (
            (self.todos, page["upserts"], page["tombstones"]),
            (self.lists, page["lists"], page["list_tombstones"]),
        ):
            kind.update({each["id"]: each for each in upserts})
            for each in tombstones:
                kind.pop(each["id"], None)
        self.next = page["next"]
        return sum(len(page[name]) for name in ("upserts", "tombstones", "lists", "list_tombstones"))


@dataclass(frozen=True)
class Synced:
    copy: Copy
    changes: int


def sync(api: Api) -> Synced:
    """Bring the copy up to date. One process at a time; an expired token begins with an empty copy."""
    with files.locked("copy"):
        copy = Copy.read()
        try:
            changes = _follow(api, copy)
        except SyncTokenExpired:
            copy = Copy()
            changes = _follow(api, copy)
        copy.write()
    return Synced(copy, changes)


def forget() -> None:
    files.remove(files.folder() / _FILE)


def _follow(api: Api, copy: Copy) -> int:
    changes, has_more = 0, True
    while has_more:
        page = api.get("/changes", since=copy.next, limit=_PAGE)
        changes += copy.take(page)
        has_more = bool(page["has_more"])
    return changes
