"""The counters of an owner: the number of the last change, the number of todos, and the room that everything takes.

Every change first takes the owner's next number. This locks the owner's row until the transaction ends, so the changes
of one owner are committed in the order of their numbers: a client that has seen number n has seen all lower ones.
Timestamps cannot guarantee this. A change that is rolled back, or changes nothing, leaves a gap; gaps do no harm.

The room is exact when it is compared with the quota, or it is counted anew: the purge removes rows of many owners
without touching their counters, and the version before 0004 knows nothing of the room. So before a refusal the rows are
counted, by each process once a minute at most, since the rows of an owner without room are many.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from .rooms import ROW, Quota

ADVANCED = "sequence = owners.sequence + :by, kept_at = CASE WHEN owners.kept_at = owners.sequence THEN owners.sequence + :by ELSE owners.kept_at END"  # fmt: skip  # noqa: E501 - one clause
_ADVANCE = text(f"UPDATE owners SET {ADVANCED} WHERE owners.owner = :owner RETURNING sequence")  # noqa: S608 - constants
_COUNT = text(
    "UPDATE owners SET todo_count = todo_count + :by WHERE owners.owner = :owner AND todo_count + :by <= :quota"
)
_HEAD = text("SELECT sequence FROM owners WHERE owners.owner = :owner")
ADD = text(
    "INSERT INTO owners (owner, sequence, todo_count, kept_rows, kept_octets, kept_at)"  # noqa: S608 - constants
    f" VALUES (:owner, 1, 1, 1, :octets, 1) ON CONFLICT (owner) DO UPDATE SET {ADVANCED},"
    " todo_count = owners.todo_count + 1, kept_rows = owners.kept_rows + 1, kept_octets = owners.kept_octets + :octets"
    " WHERE owners.todo_count < :todos AND owners.kept_at = owners.sequence AND owners.kept_rows < :rows"
    " AND owners.kept_octets + :octets <= :most RETURNING sequence"
)
_ENTER = text(
    "INSERT INTO owners (owner, sequence, todo_count, kept_rows, kept_octets, kept_at)"  # noqa: S608 - constants
    " VALUES (:owner, :by, 0, 0, 0, :by)"
    f" ON CONFLICT (owner) DO UPDATE SET {ADVANCED}"
    " RETURNING sequence, todo_count, kept_rows, kept_octets, kept_at"
)
_LEAVE = text(
    "UPDATE owners SET todo_count = :todo_count, kept_rows = :kept_rows, kept_octets = :kept_octets"
    " WHERE owners.owner = :owner"
)
# For so many octets more, and the room is counted.
HAS_ROOM = "owners.kept_at = owners.sequence AND owners.kept_octets + :octets_ <= :most"
_KEEP = text("UPDATE owners SET kept_octets = kept_octets + :octets WHERE owners.owner = :owner")
_KEEP_WITHIN = text(f"{_KEEP.text} AND kept_at = sequence AND kept_octets + :octets <= :most")
_KEPT = "SELECT {what} FROM todos WHERE todos.owner = :owner AND todos.deleted_at IS {state}"
_RECOUNT = text(
    "UPDATE owners SET kept_at = sequence, kept_rows ="  # noqa: S608 - constants
    + " + ".join(f"({_KEPT.format(what='count(*)', state=state)})" for state in ("NULL", "NOT NULL"))
    + ", kept_octets = "
    + " + ".join(
        f"coalesce(({_KEPT.format(what='sum(coalesce(octets, :row))', state=state)}), 0)"
        for state in ("NULL", "NOT NULL")
    )
    + " + coalesce((SELECT sum(lists.octets) FROM lists WHERE lists.owner = :owner), 0)"
    " + coalesce((SELECT sum(:row + length(idempotency_keys.body) + length(idempotency_keys.headers))"
    " FROM idempotency_keys WHERE idempotency_keys.owner = :owner), 0)"
    " WHERE owners.owner = :owner RETURNING kept_rows, kept_octets"
)
_NO_QUOTA = 2**31 - 1


What = Literal["todos", "rows", "octets", "lists", "list_rows", "members", "invitations", "shared_lists"]


class QuotaExceeded(Exception):
    """The owner has as much as the quota allows: of `what`, and at most `most` of it."""

    def __init__(self, what: What, most: int) -> None:
        super().__init__(what, most)
        self.what = what
        self.most = most


@dataclass(slots=True)
class Standing:
    """The counters of an owner, in a transaction that holds the owner's lock and stores them with `leave`."""

    sequence: int
    todos: int
    rows: int
    octets: int

    def add(self, *, quota: Quota, todos: int = 0, rows: int = 0, octets: int = 0) -> None:
        """Raises QuotaExceeded if more is added than there is room for; then nothing is added."""
        _check(quota, (todos, self.todos + todos), (rows, self.rows + rows), (octets, self.octets + octets))
        self.todos, self.rows, self.octets = self.todos + todos, self.rows + rows, self.octets + octets


async def advance(owner: str, connection: AsyncConnection, *, by: int = 1) -> int | None:
    """Take `by` numbers and return the last one, or None if the owner never had a todo."""
    return (await connection.execute(_ADVANCE, {"owner": owner, "by": by})).scalar_one_or_none()


def added(owner: str, *, octets: int, quota: Quota) -> dict[str, Any]:
    """The values of ADD for a todo of so many octets, which the quota has to allow by itself."""
    limits = {"todos": quota.todos, "rows": quota.rows, "most": quota.octets}
    return {"owner": owner, "octets": octets, "by": 1, **limits}


async def advance_and_add(owner: str, connection: AsyncConnection, *, octets: int, quota: Quota, now: datetime) -> int:
    """Take the number of a change that adds a todo of so many octets, and count the todo.

    Raises:
        QuotaExceeded: nothing is changed.
    """
    values = added(owner, octets=octets, quota=quota)
    if octets > quota.octets:
        raise QuotaExceeded("octets", quota.octets)
    row = (await connection.execute(ADD, values)).one_or_none()
    if row is None:
        more = {"todos": 1, "rows": 1, "octets": octets}
        standing = await enter(owner, connection, by=0, counts=quota.sees_all)
        try:
            standing.add(quota=quota, **more)
        except QuotaExceeded:
            if not await recount(owner, connection, standing, quota=quota, now=now):
                raise
            standing.add(quota=quota, **more)
        row = (await connection.execute(ADD, values)).one_or_none()
    if row is None:
        raise QuotaExceeded("octets", quota.octets)  # the owner has to count first
    sequence: int = row[0]
    return sequence


async def enter(owner: str, connection: AsyncConnection, *, by: int, counts: bool = True) -> Standing:
    """Take `by` numbers, lock the owner, and return the counters.

    Without `counts` they are taken as they are: a member of the owner's lists does not see all of the owner's rows.
    """
    found = (await connection.execute(_ENTER, {"owner": owner, "by": by})).one()
    standing = Standing(found.sequence, found.todo_count, found.kept_rows or 0, found.kept_octets or 0)
    if counts and found.kept_at != found.sequence:
        await _recount(owner, connection, standing)
    return standing


async def recount(owner: str, connection: AsyncConnection, standing: Standing, *, quota: Quota, now: datetime) -> bool:
    """Count the room of a locked owner anew. False if that was done in the last minute."""
    if not quota.may_recount(owner, now):
        return False
    await _recount(owner, connection, standing)
    return True


async def leave(owner: str, connection: AsyncConnection, standing: Standing) -> None:
    """Store the counters that a transaction began with `enter`."""
    values = {"todo_count": standing.todos, "kept_rows": standing.rows, "kept_octets": standing.octets}
    await connection.execute(_LEAVE, {"owner": owner, **values})


async def keep(owner: str, connection: AsyncConnection, octets: int, *, quota: Quota, now: datetime) -> None:
    """Count so many octets more, or fewer.

    Raises:
        QuotaExceeded: nothing is changed.
    """
    values: dict[str, Any] = {"owner": owner, "octets": octets}
    if octets <= 0:
        await connection.execute(_KEEP, values)
        return
    values["most"] = quota.octets
    if (await connection.execute(_KEEP_WITHIN, values)).rowcount == 1:
        return
    standing = await enter(
        owner, connection, by=0, counts=quota.sees_all
    )  # there may be no row yet, and the room may not be counted
    if (await connection.execute(_KEEP_WITHIN, values)).rowcount == 1:
        return
    if not await recount(owner, connection, standing, quota=quota, now=now):
        raise QuotaExceeded("octets", quota.octets)
    if (await connection.execute(_KEEP_WITHIN, values)).rowcount != 1:
        raise QuotaExceeded("octets", quota.octets)


async def count(owner: str, connection: AsyncConnection, by: int, *, quota: int = _NO_QUOTA) -> None:
    """Add `by` to the number of todos, after a deletion (negative) or a restoration.

    Raises:
        QuotaExceeded: nothing is changed.
    """
    counted = await connection.execute(_COUNT, {"owner": owner, "by": by, "quota": quota})
    if counted.rowcount != 1:
        raise QuotaExceeded("todos", quota)


async def find_head(owner: str, connection: AsyncConnection) -> int:
    """The number of the last change; 0 if the owner never had a todo."""
    return (await connection.execute(_HEAD, {"owner": owner})).scalar_one_or_none() or 0


async def _recount(owner: str, connection: AsyncConnection, standing: Standing) -> None:
    """Count the room from the rows, under the owner's lock."""
    found = (await connection.execute(_RECOUNT, {"owner": owner, "row": ROW})).one()
    standing.rows, standing.octets = found.kept_rows, int(found.kept_octets)


def _check(quota: Quota, todos: tuple[int, int], rows: tuple[int, int], octets: tuple[int, int]) -> None:
    """Each pair: how much is added, and the sum. What adds nothing is not refused, even if there is too much."""
    for what, (more, total), most in (
        ("todos", todos, quota.todos),
        ("rows", rows, quota.rows),
        ("octets", octets, quota.octets),
    ):
        if more > 0 and total > most:
            raise QuotaExceeded(what, most)  # type: ignore[arg-type]  # one of the three above
