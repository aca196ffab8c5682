"""One change that leads from the database to a configuration, in words and as what to do."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from .apis import ApiChange

API, GROUP, CLIENT, UPSTREAM = "API", "group", "client", "upstream"
NEW, CHANGED, GONE = "+", "~", "-"
_WORDS = {NEW: "new", CHANGED: "changed", GONE: "deleted"}
MAX_SHOWN = 200  # characters of one value
Perform = Callable[[AsyncSession, datetime], Awaitable[None]]


@dataclass(frozen=True)
class Change:
    """A change of one object.

    Args:
        sign: NEW, CHANGED or GONE.
        details: one line for each member that changes.
        loss: what ends with it, with its count; empty if nothing does.
        api: the change, if it is one of an API.
    """

    kind: str
    name: str
    sign: str
    perform: Perform
    details: tuple[str, ...] = ()
    loss: str = ""
    api: ApiChange | None = None

    @property
    def key(self) -> tuple[str, str]:
        return self.kind, self.name

    @property
    def ends(self) -> tuple[str, ...]:
        """What ends, by name and without counts, which change while somebody reads them; empty if nothing does."""
        if not self.loss:
            return ()
        names = () if self.api is None else (*sorted(self.api.loss.scopes), *self.api.lost_roles)
        return (*self.key, *names)

    def describe(self) -> list[str]:
        told = [*self.details, *([f"ends: {self.loss}"] if self.loss else [])]
        return [f"{self.sign} {self.kind} {self.name}", *(f"    {line}" for line in told)]

    def record(self, *, is_left: bool = False) -> dict[str, Any]:
        """The same for a program. `is_left`: the object is in no file any more, and stays."""
        how = "left" if is_left else _WORDS[self.sign]
        return {"change": how, "kind": self.kind, "name": self.name, "details": [*self.details], "ends": self.loss}


def compare(before: Mapping[str, Any], after: Mapping[str, Any], prefix: str = "") -> tuple[str, ...]:
    """The members that differ, in words. Empty values of a new object are left out."""
    lines: list[str] = []
    for name in dict.fromkeys([*after, *before]):
        old, new = before.get(name), after.get(name)
        if old == new or (not old and not new):
            continue
        if isinstance(old, dict) or isinstance(new, dict):
            lines += compare(old or {}, new or {}, f"{prefix}{name}.")
        elif name not in before:
            lines.append(f"{prefix}{name}: {_shown(new)}")
        else:
            lines.append(f"{prefix}{name}: {_shown(old)} -> {'nothing' if name not in after else _shown(new)}")
    return tuple(lines)


def _shown(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    text = "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in text)
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}..."
