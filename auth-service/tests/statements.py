"""The SQL statements that requests cause."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, event

# Each process reads these all the time, independent of requests.
PERIODIC = ("FROM signing_keys", "FROM status_lists \n", "FROM status_indexes \nWHERE status_indexes.list_id")


@contextmanager
def statements() -> Iterator[list[str]]:
    """Every statement of any engine in this process, apart from PERIODIC; the service runs in a thread of it."""
    seen: list[str] = []

    def see(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if not any(each in statement for each in PERIODIC):
            seen.append(statement)

    event.listen(Engine, "before_cursor_execute", see)
    try:
        yield seen
    finally:
        event.remove(Engine, "before_cursor_execute", see)
