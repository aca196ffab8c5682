"""Read and change who is a member of which list.

A list is shared by its owner; its members are viewers or editors. Its todos stay rows of the owner, who has the room
for them. What a member does with them happens in a transaction `Database.for_member(member)` for the list's owner:
there every statement compares the owner and the lists that are shared, and on PostgreSQL row-level security looks the
membership up (migration 0007). Joining, leaving and being removed take the owner's lock, as every change of a todo
does. So a change by somebody who was removed a moment ago is refused.
"""

import uuid
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import RowMapping, bindparam, delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ..store.database import ANYBODY, Database
from . import owners
from .table import lists, members, todos
from .transitions import TodoNotFound

Role = Literal["editor", "viewer"]
EDITOR: Role = "editor"
VIEWER: Role = "viewer"
MOST_MEMBERS = 20  # of one list
MOST_SHARED = 30  # lists of others that one subject is a member of


class MemberNotFound(Exception):
    """The list has no such member."""


class InsufficientRole(Exception):
    """The list is shared with the caller, but not for this."""


class Membership(NamedTuple):
    """A list of somebody else's that is shared with a subject."""

    owner: str
    list_id: uuid.UUID
    id: uuid.UUID
    role: Role
    shared_by: str


_MINE = (members.c.member == bindparam("member_"), members.c.deleted_at.is_(None))
_COLUMNS = tuple(members.c[name] for name in Membership._fields)
_FIND_OF = select(*_COLUMNS).where(*_MINE).order_by(members.c.owner, members.c.list_id)
_FIND_ALL = select(*_COLUMNS).where(members.c.member == bindparam("member_"))
_FIND_IN_LIST = select(*_COLUMNS).where(*_MINE, members.c.list_id == bindparam("list_id_"))
_FIND_BY_TODO = (
    select(*_COLUMNS)
    .join(todos, (todos.c.owner == members.c.owner) & (todos.c.list_id == members.c.list_id))
    .where(*_MINE, todos.c.id == bindparam("id_"))
)
_WRITABLE = select(members.c.list_id).where(*_MINE, members.c.owner == bindparam("owner_"), members.c.role == EDITOR)
_OF_LIST = (members.c.owner == bindparam("owner_"), members.c.list_id == bindparam("list_id_"))
_ALL_OF_LIST = select(*(members.c[name] for name in ("id", "role", "name", "joined_at", "member"))).where(*_OF_LIST)
_SEE = text("SELECT set_config('todo.seen_list', :list_id, true)")
_COUNT_OF = select(func.count()).where(members.c.member == bindparam("member_"))
_REMOVE = delete(members).where(*_OF_LIST, members.c.id == bindparam("id_"))
_LEAVE = delete(members).where(*_OF_LIST, members.c.member == bindparam("member_"))
_SET_ROLE = update(members).where(*_OF_LIST, members.c.id == bindparam("id_")).values(role=bindparam("role_"))
_LIST = (lists.c.owner == bindparam("owner_"), lists.c.id == bindparam("list_id_"), lists.c.deleted_at.is_(None))
_TOUCH = (
    update(lists)
    .where(*_LIST)
    .values(
        members=lists.c.members + bindparam("by"),
        version=lists.c.version + 1,
        updated_at=bindparam("now", type_=lists.c.updated_at.type),
        sequence=bindparam("number"),
    )
)


async def find_of(member: str, connection: AsyncConnection) -> list[Membership]:
    """All lists that are shared with the subject; there are MOST_SHARED at most."""
    rows = (await connection.execute(_FIND_OF, {"member_": member})).all()
    return [Membership(*row) for row in rows if row.owner != member]


async def find_all(member: str, connection: AsyncConnection) -> list[Membership]:
    """As `find_of`, with lists that are deleted and may be restored."""
    return [Membership(*row) for row in (await connection.execute(_FIND_ALL, {"member_": member})).all()]


async def find_followed(database: Database, subject: str) -> Collection[str]:
    """Whose changes the subject sees: its own, and those of the owners of lists that are shared with it."""
    async with database.for_member(subject).reading(ANYBODY) as connection:
        return {subject, *(each.owner for each in await find_of(subject, connection))}


async def find_in_list(database: Database, subject: str, list_id: uuid.UUID) -> Membership | None:
    async with database.for_member(subject).reading(ANYBODY) as connection:
        row = (await connection.execute(_FIND_IN_LIST, {"member_": subject, "list_id_": list_id})).first()
    return None if row is None else Membership(*row)


async def find_by_todo(database: Database, subject: str, id_: uuid.UUID) -> Membership | None:
    """The membership by which the subject sees this todo."""
    async with database.for_member(subject).reading(ANYBODY) as connection:
        row = (await connection.execute(_FIND_BY_TODO, {"member_": subject, "id_": id_})).first()
    return None if row is None else Membership(*row)


async def lock_writable(owner: str, connection: AsyncConnection, member: str) -> frozenset[uuid.UUID]:
    """Take the owner's lock, and return the owner's lists that the member may change now. Raises TodoNotFound."""
    await owners.advance(owner, connection, by=0)
    found = frozenset((await connection.execute(_WRITABLE, {"member_": member, "owner_": owner})).scalars())
    if not found:
        raise TodoNotFound
    return found


async def find_members(
    owner: str, connection: AsyncConnection, list_id: uuid.UUID, *, seen_by: str
) -> Sequence[RowMapping]:
    """The members of a list, the oldest first. The caller has checked that `seen_by` is one, or the owner."""
    if seen_by != owner and connection.dialect.name == "postgresql":
        await connection.execute(_SEE, {"list_id": str(list_id)})
    statement = _ALL_OF_LIST.order_by(members.c.joined_at, members.c.id)
    return (await connection.execute(statement, {"owner_": owner, "list_id_": list_id})).mappings().all()


async def count_of(member: str, connection: AsyncConnection) -> int:
    return int((await connection.execute(_COUNT_OF, {"member_": member})).scalar_one())


async def join(owner: str, connection: AsyncConnection, row: dict[str, Any], *, sequence: int | None, by: int) -> bool:
    """Add a member, with the owner's lock held. False if the list is gone, or has MOST_MEMBERS already.

    `by` is 0 for somebody who was a member already.
    """
    await connection.execute(insert(members), {**row, "owner": owner})
    statement = _TOUCH.where(lists.c.members + bindparam("by") <= MOST_MEMBERS)
    values = {"owner_": owner, "list_id_": row["list_id"], "by": by, "now": row["joined_at"], "number": sequence}
    return (await connection.execute(statement, values)).rowcount == 1


async def set_role(
    owner: str, connection: AsyncConnection, list_id: uuid.UUID, id_: uuid.UUID, role: Role, *, now: datetime
) -> None:
    """Raises MemberNotFound: nothing is changed."""
    sequence = await owners.advance(owner, connection)
    values = {"owner_": owner, "list_id_": list_id, "id_": id_, "role_": role}
    if (await connection.execute(_SET_ROLE, values)).rowcount != 1:
        raise MemberNotFound
    await _touch(owner, connection, list_id, by=0, sequence=sequence, now=now)


async def remove(owner: str, connection: AsyncConnection, list_id: uuid.UUID, id_: uuid.UUID, *, now: datetime) -> None:
    """Raises MemberNotFound: nothing is changed."""
    sequence = await owners.advance(owner, connection)
    if (await connection.execute(_REMOVE, {"owner_": owner, "list_id_": list_id, "id_": id_})).rowcount != 1:
        raise MemberNotFound
    await _touch(owner, connection, list_id, by=-1, sequence=sequence, now=now)


async def leave(database: Database, member: str, of: Membership, *, now: datetime) -> None:
    """End a membership of the subject itself. The list's owner hears of it first, while the subject may still tell."""
    async with database.for_member(member).writing(of.owner) as connection:
        sequence = await owners.advance(of.owner, connection)
        await _touch(of.owner, connection, of.list_id, by=-1, sequence=sequence, now=now)
        await forget(of.owner, connection, of.list_id, member)
    await tell(database, member)


async def forget(owner: str, connection: AsyncConnection, list_id: uuid.UUID, member: str) -> None:
    """Delete a membership and nothing else."""
    await connection.execute(_LEAVE, {"owner_": owner, "list_id_": list_id, "member_": member})


async def tell(database: Database, subject: str) -> None:
    """Take a number of the subject's, so that its own streams and other devices ask for changes."""
    async with database.writing(subject) as connection:
        await owners.enter(subject, connection, by=1)


async def _touch(
    owner: str, connection: AsyncConnection, list_id: uuid.UUID, *, by: int, sequence: int | None, now: datetime
) -> None:
    """Give the list a new version, since its members have changed."""
    values = {"owner_": owner, "list_id_": list_id, "by": by, "now": now, "number": sequence}
    await connection.execute(_TOUCH, values)
