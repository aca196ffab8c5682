"""Indexes in status lists: allocation to holders, and revocation.

A holder is a session at the client `web` (by its id), a grant, or a client with client_credentials. Its index is drawn
at random, so that neighbouring indexes reveal nothing. The primary key ensures that an index is never given twice.
"""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from ..oauth.status_list import SIZE
from ..store.rows import insert_by
from .epochs import ListName
from .lists import OPEN, VOID, StatusIndex, StatusList
from .versions import raise_at_commit

_DRAWS = 64


class NoFreeIndex(Exception):
    """No list is open, or _DRAWS random draws found no free index in it."""


@dataclass(frozen=True)
class Allocated:
    list_id: int
    index: int

    def columns(self) -> dict[str, int]:
        """The values of the holder's two columns."""
        return {"status_list_id": self.list_id, "status_index": self.index}


async def allocate(session: AsyncSession, holder_id: str) -> Allocated:
    """Take an unused index of the open list for a holder.

    Call it in the transaction that creates or locks the holder, so that ending the holder finds and revokes the index.

    Raises:
        NoFreeIndex
    """
    statement = _take(session.get_bind().dialect.name)
    for _ in range(_DRAWS):
        taken = await session.execute(statement, {"drawn": secrets.randbelow(SIZE), "holder": holder_id})
        if row := taken.one_or_none():
            return Allocated(row[0], row[1])
    raise NoFreeIndex


_DRAWN = select(
    StatusList.id, bindparam("drawn", type_=StatusIndex.idx.type), bindparam("holder", type_=StatusIndex.holder_id.type)
).where(StatusList.state == OPEN)
_INDEXES: Any = StatusIndex.__table__


@cache  # building it takes longer than running it
def _take(dialect: str) -> Any:
    drawn = insert_by(dialect, _INDEXES).from_select(["list_id", "idx", "holder_id"], _DRAWN)
    return drawn.on_conflict_do_nothing().returning(_INDEXES.c.list_id, _INDEXES.c.idx)


async def revoke(session: AsyncSession, holder_ids: Collection[str], *, now: datetime) -> None:
    """Revoke all present and former indexes of these holders. Call it in the transaction that ends them."""
    if holder_ids:
        revoked = await session.scalars(
            update(StatusIndex)
            .where(StatusIndex.holder_id.in_(holder_ids), StatusIndex.revoked_at.is_(None))
            .values(revoked_at=now)
            .returning(StatusIndex.list_id)
            .execution_options(synchronize_session=False)
        )
        raise_at_commit(session, revoked)


async def revoke_of(session: AsyncSession, holder_ids: Select[tuple[str]], *, now: datetime) -> None:
    """Revoke all present and former indexes of the holders that a query finds, however many."""
    revoked = await session.scalars(
        update(StatusIndex)
        .where(StatusIndex.holder_id.in_(holder_ids), StatusIndex.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(StatusIndex.list_id)
        .execution_options(synchronize_session=False)
    )
    raise_at_commit(session, revoked)


# Conditions of a query that joins both tables, with the parameters of `named`: the index that a token names, and the
# same if it is not revoked. Every index of another epoch is revoked, and an index without a holder, too.
NAMED = (
    StatusList.id == bindparam("list_id"),
    StatusList.epoch == bindparam("epoch"),
    StatusIndex.list_id == StatusList.id,
    StatusIndex.idx == bindparam("idx"),
)
NOT_REVOKED = (*NAMED, StatusList.state != VOID, StatusIndex.revoked_at.is_(None))


def named(name: ListName, index: int) -> dict[str, object]:
    """The parameters of NAMED and NOT_REVOKED."""
    return {"list_id": name.id, "epoch": name.epoch, "idx": index}


async def find_revoked(session: AsyncSession, list_id: int) -> Sequence[int]:
    query = select(StatusIndex.idx).where(StatusIndex.list_id == list_id, StatusIndex.revoked_at.is_not(None))
    return (await session.scalars(query)).all()
