"""The room that an owner's data takes: what is counted, and what a todo and a stored response count."""

from dataclasses import dataclass

ROW = 512  # bytes that count for every todo and stored response besides its text: its other columns and indexes
MOST_ROWS = 2  # todos with deleted ones, as a multiple of the quota of todos


@dataclass(frozen=True, slots=True)
class Quota:
    """The most that one owner may have."""

    todos: int  # without deleted ones
    octets: int  # of todos, deleted ones too, and of stored responses

    @property
    def rows(self) -> int:
        """Todos, deleted ones too."""
        return self.todos * MOST_ROWS


def of_todo(title: str, notes: str) -> int:
    return ROW + len(title.encode()) + len(notes.encode())


def of_answer(body: bytes, headers: str) -> int:
    return ROW + len(body) + len(headers)
