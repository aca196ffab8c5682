"""The room that an owner's data takes: what is counted, and what a todo and a stored response count."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

ROW = 512  # bytes that count for every todo, list and stored response besides its text: its other columns and indexes
RECOUNT_AFTER = timedelta(minutes=1)
_REMEMBERED = 10_000  # owners
MOST_ROWS = 2  # todos with deleted ones, as a multiple of the quota of todos


@dataclass(frozen=True, slots=True)
class Quota:
    """The most that one owner may have, and when this process last counted the rows of an owner without room."""

    todos: int  # without deleted ones
    octets: int  # of todos, deleted ones too, and of stored responses
    sees_all: bool = True  # false in the hands of a member of the owner's lists, who cannot count all rows
    _counted: dict[str, datetime] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def rows(self) -> int:
        """Todos, deleted ones too."""
        return self.todos * MOST_ROWS

    def may_recount(self, owner: str, now: datetime) -> bool:
        """Whether to count the owner's rows again before a refusal: once a minute, since they are many."""
        if not self.sees_all:
            return False
        counted_at = self._counted.pop(owner, None)
        is_due = counted_at is None or not counted_at <= now < counted_at + RECOUNT_AFTER
        if len(self._counted) >= _REMEMBERED:
            del self._counted[next(iter(self._counted))]
        self._counted[owner] = now if counted_at is None or is_due else counted_at
        return is_due


def of_todo(title: str, notes: str) -> int:
    return ROW + len(title.encode()) + len(notes.encode())


def of_list(name: str) -> int:
    return ROW + len(name.encode())


def of_answer(body: bytes, headers: str) -> int:
    return ROW + len(body) + len(headers)
