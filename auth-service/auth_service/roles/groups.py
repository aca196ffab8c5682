"""Groups of accounts."""

import re
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, Select, String, Text, delete, func, literal, select, text, tuple_, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..store.instants import Instant
from ..store.rows import Row, insert_into
from . import bounds

NAME_MAX_LENGTH = 64
DESCRIPTION_MAX_LENGTH = 200
MAX_GROUPS = 1000
# No comma and no space: proxies pass the names on in one header, separated by these.
_NAME = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._:/@+-]{{0,{NAME_MAX_LENGTH - 1}}}")


class GroupRefused(Exception):
    """The group cannot be made; the text says why."""


class Group(Row):
    __tablename__ = "groups"

    name: Mapped[str] = mapped_column(String(NAME_MAX_LENGTH), primary_key=True)
    description: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)


class GroupMember(Row):
    __tablename__ = "group_members"

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    group: Mapped[str] = mapped_column(
        "group_name", ForeignKey("groups.name", ondelete="CASCADE"), primary_key=True, index=True
    )
    created_at: Mapped[datetime] = mapped_column(Instant)


_KEY = (GroupMember.account_id, GroupMember.group)


def check(name: str, description: str) -> None:
    """Raises GroupRefused."""
    if _NAME.fullmatch(name) is None:
        raise GroupRefused(f"a group's name has 1 to {NAME_MAX_LENGTH} letters, digits or ._:/@+-")
    if len(description) > DESCRIPTION_MAX_LENGTH or not description.isprintable():
        raise GroupRefused(f"a group's description has at most {DESCRIPTION_MAX_LENGTH} printable characters")


async def exclude_others(session: AsyncSession) -> None:
    """Nobody else changes a group until the end of the transaction. SQLite has one writer anyway."""
    if session.get_bind().dialect.name == "postgresql":
        await session.execute(text("LOCK TABLE groups IN SHARE ROW EXCLUSIVE MODE"))


async def put(session: AsyncSession, name: str, description: str, *, now: datetime) -> bool:
    """Make the group, or replace its description. False: it exists and is the same.

    Raises:
        GroupRefused: the name or the description is not valid, or there are too many groups.
    """
    check(name, description)
    held = await session.scalar(select(Group.description).where(Group.name == name))
    if held is None:
        if (await session.scalar(select(func.count()).select_from(Group)) or 0) >= MAX_GROUPS:
            raise GroupRefused(f"there are {MAX_GROUPS} groups already, which is the limit")
        values = {"name": name, "description": description, "created_at": now, "updated_at": now}
        await session.execute(insert_into(session, Group).values(values))
    elif held != description:
        changed = {"description": description, "updated_at": now}
        await session.execute(update(Group).where(Group.name == name).values(changed))
    return held != description


async def find(session: AsyncSession, name: str) -> Group | None:
    return await session.scalar(select(Group).where(Group.name == name))


async def list_groups(session: AsyncSession) -> Sequence[tuple[Group, int]]:
    """All groups by name, each with its number of members."""
    members = select(func.count()).where(GroupMember.group == Group.name).correlate(Group).scalar_subquery()
    return [(group, count) for group, count in await session.execute(select(Group, members).order_by(Group.name))]


async def add(session: AsyncSession, name: str, account_id: str, *, now: datetime) -> bool:
    """Put an account into a group that exists. False: it is in it. The account is locked (`accounts.lock`).

    Raises:
        TooMany: a token would be too long.
    """
    own = set((await session.scalars(select(GroupMember.group).where(GroupMember.account_id == account_id))).all())
    if name in own:
        return False
    bounds.check({*own, name})
    session.add(GroupMember(account_id=account_id, group=name, created_at=now))
    await session.flush()
    return True


async def remove(session: AsyncSession, name: str, account_id: str) -> bool:
    """Take an account out of a group. False: it was not in it."""
    gone = delete(GroupMember).where(GroupMember.account_id == account_id, GroupMember.group == name)
    return (await session.execute(gone.returning(GroupMember.group))).first() is not None


def select_members(name: str) -> Select[str]:
    """A query for the ids of all accounts in a group."""
    return select(GroupMember.account_id).where(GroupMember.group == name)


async def count_members(session: AsyncSession, name: str) -> int:
    return await session.scalar(select(func.count()).select_from(select_members(name).subquery())) or 0


async def lock_group(session: AsyncSession, name: str) -> None:
    """Lock a group and its members, before it is deleted (store/, "Locks")."""
    await session.execute(select(Group.name).where(Group.name == name).with_for_update())
    await lock_members(session, group=name)


async def delete_group(session: AsyncSession, name: str) -> None:
    """Delete a group with its members. Call it after `lock_group`."""
    await session.execute(delete(Group).where(Group.name == name))


async def lock_members(session: AsyncSession, **which: str) -> None:
    """Lock the members with these values of columns, before their account is deleted (store/, "Locks")."""
    locked = select(GroupMember.account_id).filter_by(**which).order_by(*_KEY).with_for_update()
    await session.execute(select(func.count()).select_from(locked.subquery()))


async def list_members(
    session: AsyncSession,
    *,
    account_id: str | None = None,
    group: str | None = None,
    after: tuple[str, str] = ("", ""),
    limit: int,
) -> Sequence[GroupMember]:
    """A page of members ordered by key, starting after `after`; of one account, of one group, or all (None)."""
    query = select(GroupMember).where(tuple_(*_KEY) > tuple_(*map(literal, after))).order_by(*_KEY).limit(limit)
    if account_id is not None:
        query = query.where(GroupMember.account_id == account_id)
    if group is not None:
        query = query.where(GroupMember.group == group)
    return (await session.scalars(query)).all()
