"""The counters of an owner: the number of the last change, the number of todos, and the room that everything takes.

Every change first takes the owner's next number. This locks the owner's row until the transaction ends, so the changes
of one owner are committed in the order of their numbers: a client that has seen number n has seen all lower ones.
Timestamps cannot guarantee this. A change that is rolled back, or changes nothing, leaves a gap; gaps do no harm.

The room is exact when it is compared with the quota, or it is counted anew: the purge removes rows of many owners
without touching their counters, and the version before 0004 knows nothing of the room. So before a refusal the room is
counted, once a minute at most, since the rows of a full owner are many.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from .rooms import ROW, Quota
from .table import UtcDateTime

RECOUNT_AFTER = timedelta(minutes=1)

_ADVANCED = "sequence = owners.sequence + :by, kept_at = CASE WHEN owners.kept_at = owners.sequence THEN owners.sequence + :by ELSE owners.kept_at END"  # fmt: skip  # noqa: E501 - one clause
_ADVANCE = text(f"UPDATE owners SET {_ADVANCED} WHERE owners.owner = :owner RETURNING sequence")  # noqa: S608 - constants
_COUNT = text(
    "UPDATE owners SET todo_count = todo_count + :by WHERE owners.owner = :owner AND todo_count + :by <= :quota"
)
_HEAD = text("SELECT sequence FROM owners WHERE owners.owner = :owner")
_ADD = text(
    "INSERT INTO owners (owner, sequence, todo_count, kept_rows, kept_octets, kept_at)"  # noqa: S608 - constants
    f" VALUES (:owner, 1, 1, 1, :octets, 1) ON CONFLICT (owner) DO UPDATE SET {_ADVANCED},"
    " todo_count = owners.todo_count + 1, kept_rows = owners.kept_rows + 1, kept_octets = owners.kept_octets + :octets"
    " WHERE owners.todo_count < :todos AND owners.kept_at = owners.sequence AND owners.kept_rows < :rows"
    " AND owners.kept_octets + :octets <= :most RETURNING sequence"
)
_ENTER = text(
    "INSERT INTO owners (owner, sequence, todo_count, kept_rows, kept_octets, kept_at)"  # noqa: S608 - constants
    " VALUES (:owner, :by, 0, 0, 0, :by)"
    f" ON CONFLICT (owner) DO UPDATE SET {_ADVANCED}"
    " RETURNING sequence, todo_count, kept_rows, kept_octets, kept_at"
)
_LEAVE = text(
    "UPDATE owners SET todo_count = :todo_count, kept_rows = :kept_rows, kept_octets = :kept_octets"
    " WHERE owners.owner = :owner"
)
_KEEP = text("UPDATE owners SET kept_octets = kept_octets + :octets WHERE owners.owner = :owner")
_KEEP_WITHIN = text(f"{_KEEP.text} AND kept_at = sequence AND kept_octets + :octets <= :most")
_LOCK = text("UPDATE owners SET sequence = sequence WHERE owners.owner = :owner")
_KEPT = "SELECT {what} FROM todos WHERE todos.owner = :owner AND todos.deleted_at IS {state}"
_RECOUNT = text(
    "UPDATE owners SET kept_at = sequence, recounted_at = :now, kept_rows ="  # noqa: S608 - constants
    + " + ".join(f"({_KEPT.format(what='count(*)', state=state)})" for state in ("NULL", "NOT NULL"))
    + ", kept_octets = "
    + " + ".join(
        f"coalesce(({_KEPT.format(what='sum(coalesce(octets, :row))', state=state)}), 0)"
        for state in ("NULL", "NOT NULL")
    )
    + " + coalesce((SELECT sum(:row + length(idempotency_keys.body) + length(idempotency_keys.headers))"
    " FROM idempotency_keys WHERE idempotency_keys.owner = :owner), 0)"
    " WHERE owners.owner = :owner"
    " AND (kept_at IS NULL OR kept_at <> sequence OR recounted_at IS NULL OR recounted_at < :before)"
    " RETURNING todo_count, kept_rows, kept_octets"
).bindparams(bindparam("now", type_=UtcDateTime), bindparam("before", type_=UtcDateTime))
_NO_QUOTA = 2**31 - 1


class QuotaExceeded(Exception):
    """The owner has as much as the quota allows: of `what`, and at most `most` of it."""

    def __init__(self, what: Literal["todos", "rows", "octets"], most: int) -> None:
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


async def advance_and_add(owner: str, connection: AsyncConnection, *, octets: int, quota: Quota, now: datetime) -> int:
    """Take the number of a change that adds a todo of so many octets, and count the todo.

    Raises:
        QuotaExceeded: nothing is changed.
    """
    limits = {"todos": quota.todos, "rows": quota.rows, "most": quota.octets}
    values = {"owner": owner, "octets": octets, "by": 1, **limits}
    if octets > quota.octets:
        raise QuotaExceeded("octets", quota.octets)
    row = (await connection.execute(_ADD, values)).one_or_none()
    if row is None:
        standing = await _recount(owner, connection, now)
        if standing is not None:
            _check(quota, (1, standing.todos + 1), (1, standing.rows + 1), (octets, standing.octets + octets))
            row = (await connection.execute(_ADD, values)).one_or_none()
    if row is None:
        standing = await enter(owner, connection, by=0, now=now)
        _check(quota, (1, standing.todos + 1), (1, standing.rows + 1), (octets, standing.octets + octets))
        raise QuotaExceeded("rows", quota.rows)  # not reached: one of the three was too many
    sequence: int = row[0]
    return sequence


async def enter(owner: str, connection: AsyncConnection, *, by: int, now: datetime) -> Standing:
    """Take `by` numbers, lock the owner, and return the counters."""
    found = (await connection.execute(_ENTER, {"owner": owner, "by": by})).one()
    standing = Standing(found.sequence, found.todo_count, found.kept_rows or 0, found.kept_octets or 0)
    if found.kept_at != found.sequence:
        await recount(owner, connection, standing, now=now)
    return standing


async def recount(owner: str, connection: AsyncConnection, standing: Standing, *, now: datetime) -> bool:
    """Count the room anew, unless that was done in the last minute. What `standing` has added since is kept."""
    counted = await _recount(owner, connection, now)
    if counted is None:
        return False
    standing.rows, standing.octets = counted.rows, counted.octets
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
    await enter(owner, connection, by=0, now=now)  # there may be no row yet, and the room may not be counted
    if (await connection.execute(_KEEP_WITHIN, values)).rowcount == 1:
        return
    await _recount(owner, connection, now)
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


async def _recount(owner: str, connection: AsyncConnection, now: datetime) -> Standing | None:
    """Count the room from the rows, under the owner's lock. None if that was done in the last minute."""
    await connection.execute(
        _LOCK, {"owner": owner}
    )  # a statement of its own: the next one then sees all that is there
    values = {"owner": owner, "now": now, "before": now - RECOUNT_AFTER, "row": ROW}
    found = (await connection.execute(_RECOUNT, values)).one_or_none()
    return None if found is None else Standing(0, found.todo_count, found.kept_rows, int(found.kept_octets))


def _check(quota: Quota, todos: tuple[int, int], rows: tuple[int, int], octets: tuple[int, int]) -> None:
    """Each pair: how much is added, and the sum. What adds nothing is not refused, even if there is too much."""
    for what, (more, total), most in (
        ("todos", todos, quota.todos),
        ("rows", rows, quota.rows),
        ("octets", octets, quota.octets),
    ):
        if more > 0 and total > most:
            raise QuotaExceeded(what, most)  # type: ignore[arg-type]  # one of the three above
