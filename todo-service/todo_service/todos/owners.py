"""An owner's counters: of changes, and of todos.

Every change begins by taking the owner's next number, which locks the row until the transaction ends. So one owner's
changes are committed in the order of their numbers, and whoever has seen number n has seen all before it. Timestamps
promise no such thing. Numbers of changes that were rolled back, or changed nothing, are not missed by anybody.
"""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

_ADVANCE = text("UPDATE owners SET sequence = sequence + :by WHERE owners.owner = :owner RETURNING sequence")
_COUNT = text(
    "UPDATE owners SET todo_count = todo_count + :by WHERE owners.owner = :owner AND todo_count + :by <= :quota"
)
_HEAD = text("SELECT sequence FROM owners WHERE owners.owner = :owner")
_ADVANCE_AND_COUNT = text(
    "INSERT INTO owners (owner, sequence, todo_count) VALUES (:owner, 1, 1) ON CONFLICT (owner) DO UPDATE"
    " SET sequence = owners.sequence + 1, todo_count = owners.todo_count + 1 WHERE owners.todo_count < :quota"
    " RETURNING sequence"
)
_NO_QUOTA = 2**31 - 1


class QuotaExceeded(Exception):
    """The owner has as many todos as one may have."""


async def advance(owner: str, connection: AsyncConnection, *, by: int = 1) -> int | None:
    """Return the number of the change that begins, or None for somebody who never had a todo."""
    return (await connection.execute(_ADVANCE, {"owner": owner, "by": by})).scalar_one_or_none()


async def advance_and_count(owner: str, connection: AsyncConnection, *, quota: int) -> int:
    """Return the number of the change that adds a todo.

    Raises:
        QuotaExceeded: and nothing is changed.
    """
    row = (await connection.execute(_ADVANCE_AND_COUNT, {"owner": owner, "quota": quota})).one_or_none()
    if row is None:
        raise QuotaExceeded
    sequence: int = row[0]
    return sequence


async def count(owner: str, connection: AsyncConnection, by: int, *, quota: int = _NO_QUOTA) -> None:
    """Count a todo that was deleted or restored.

    Raises:
        QuotaExceeded: and nothing is changed.
    """
    counted = await connection.execute(_COUNT, {"owner": owner, "by": by, "quota": quota})
    if counted.rowcount != 1:
        raise QuotaExceeded


async def find_head(owner: str, connection: AsyncConnection) -> int:
    """The number of the last change; 0 for somebody who never had a todo."""
    return (await connection.execute(_HEAD, {"owner": owner})).scalar_one_or_none() or 0
