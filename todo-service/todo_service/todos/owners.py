"""The counters of an owner: the number of the last change, and the number of todos.

Every change first takes the owner's next number. This locks the owner's row until the transaction ends, so the changes
of one owner are committed in the order of their numbers: a client that has seen number n has seen all lower ones.
Timestamps cannot guarantee this. A change that is rolled back, or changes nothing, leaves a gap; gaps do no harm.
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
    """The owner has as many todos as the quota allows."""


async def advance(owner: str, connection: AsyncConnection, *, by: int = 1) -> int | None:
    """Take `by` numbers and return the last one, or None if the owner never had a todo."""
    return (await connection.execute(_ADVANCE, {"owner": owner, "by": by})).scalar_one_or_none()


async def advance_and_count(owner: str, connection: AsyncConnection, *, quota: int) -> int:
    """Take the number of a change that adds a todo, and count the todo.

    Raises:
        QuotaExceeded: nothing is changed.
    """
    row = (await connection.execute(_ADVANCE_AND_COUNT, {"owner": owner, "quota": quota})).one_or_none()
    if row is None:
        raise QuotaExceeded
    sequence: int = row[0]
    return sequence


async def count(owner: str, connection: AsyncConnection, by: int, *, quota: int = _NO_QUOTA) -> None:
    """Add `by` to the number of todos, after a deletion (negative) or a restoration.

    Raises:
        QuotaExceeded: nothing is changed.
    """
    counted = await connection.execute(_COUNT, {"owner": owner, "by": by, "quota": quota})
    if counted.rowcount != 1:
        raise QuotaExceeded


async def find_head(owner: str, connection: AsyncConnection) -> int:
    """The number of the last change; 0 if the owner never had a todo."""
    return (await connection.execute(_HEAD, {"owner": owner})).scalar_one_or_none() or 0
