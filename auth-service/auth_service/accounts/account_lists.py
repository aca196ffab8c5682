"""Lists of accounts for operators, page by page, in an order that the operator chooses."""

from collections.abc import Sequence
from typing import Any, Literal

from sqlalchemy import or_, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from .accounts import Account

Order = Literal["id", "email", "oldest", "newest"]
# The column to sort by, and whether descending. Accounts with the same value are sorted by id.
ORDERS: dict[Order, tuple[InstrumentedAttribute[Any], bool]] = {
    "id": (Account.id, False),
    "email": (Account.email, False),
    "oldest": (Account.created_at, False),
    "newest": (Account.created_at, True),
}


async def list_accounts(
    session: AsyncSession, *, order: Order = "id", search: str = "", after: Account | None = None, limit: int
) -> Sequence[Account]:
    """A page of accounts, starting after the account `after`.

    `search` keeps those whose e-mail address, name or user name contains this text, in upper or lower case.
    """
    column, is_descending = ORDERS[order]
    query = select(Account).limit(limit)
    if search:
        searched = (Account.email, Account.name, Account.username)
        query = query.where(or_(*(each.icontains(search, autoescape=True) for each in searched)))
    place = tuple_(column, Account.id)
    if after is not None:
        last = tuple_(getattr(after, column.key), after.id)
        query = query.where(place < last if is_descending else place > last)
    sorted_by = (column, Account.id)
    query = query.order_by(*(each.desc() if is_descending else each for each in sorted_by))
    return (await session.scalars(query)).all()
