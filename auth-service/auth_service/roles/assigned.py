"""Roles of accounts: which account has which role at which API."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ForeignKey, Select, String, delete, func, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..oauth.resources import WORD_MAX_LENGTH
from ..store.instants import Instant
from ..store.rows import Row
from . import bounds


class AccountRole(Row):
    __tablename__ = "account_roles"

    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True)
    resource: Mapped[str] = mapped_column(
        ForeignKey("resources.resource", ondelete="CASCADE"), primary_key=True, index=True
    )
    role: Mapped[str] = mapped_column(String(WORD_MAX_LENGTH), primary_key=True)
    created_at: Mapped[datetime] = mapped_column(Instant)


_KEY = (AccountRole.account_id, AccountRole.resource, AccountRole.role)


async def assign(session: AsyncSession, account_id: str, resource: str, role: str, *, now: datetime) -> bool:
    """Give an account a declared role. False: it has the role already. The account is locked (`accounts.lock`).

    Raises:
        TooMany: a token would be too long.
    """
    own = select(AccountRole.role).where(AccountRole.account_id == account_id, AccountRole.resource == resource)
    held = set((await session.scalars(own)).all())
    if role in held:
        return False
    bounds.check({*held, role})
    session.add(AccountRole(account_id=account_id, resource=resource, role=role, created_at=now))
    await session.flush()
    return True


async def unassign(session: AsyncSession, account_id: str, resource: str, role: str) -> bool:
    """Take a role from an account. False: it did not have it."""
    which = tuple_(*_KEY) == tuple_(*map(literal, (account_id, resource, role)))
    return (await session.execute(delete(AccountRole).where(which).returning(AccountRole.role))).first() is not None


async def lock(session: AsyncSession, **which: str) -> None:
    """Lock the roles with these values of columns, before their account or API is deleted (store/, "Locks")."""
    locked = select(AccountRole.role).filter_by(**which).order_by(*_KEY).with_for_update()
    await session.execute(select(func.count()).select_from(locked.subquery()))


async def take_away(session: AsyncSession, resource: str, roles: Collection[str]) -> None:
    """Take these roles of an API from all accounts."""
    await lock(session, resource=resource)
    await session.execute(delete(AccountRole).where(AccountRole.resource == resource, AccountRole.role.in_(roles)))


def select_holders(resource: str, roles: Collection[str]) -> Select[str]:
    """A query for the ids of the accounts that have one of these roles."""
    return (
        select(AccountRole.account_id).where(AccountRole.resource == resource, AccountRole.role.in_(roles)).distinct()
    )


async def count_holders(session: AsyncSession, resource: str, roles: Collection[str]) -> int:
    """The number of accounts that have one of these roles."""
    return await session.scalar(select(func.count()).select_from(select_holders(resource, roles).subquery())) or 0


async def list_assigned(
    session: AsyncSession,
    *,
    account_id: str | None,
    resource: str | None,
    after: tuple[str, str, str] = ("", "", ""),
    limit: int,
) -> Sequence[AccountRole]:
    """A page of roles ordered by key, starting after `after`; of one account, of one API, or all (None)."""
    query = select(AccountRole).where(tuple_(*_KEY) > tuple_(*map(literal, after))).order_by(*_KEY).limit(limit)
    if account_id is not None:
        query = query.where(AccountRole.account_id == account_id)
    if resource is not None:
        query = query.where(AccountRole.resource == resource)
    return (await session.scalars(query)).all()
