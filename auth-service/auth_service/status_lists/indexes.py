"""Indexes in status lists: allocation to holders, and revocation.

A holder is a session at the client `web` (by its id), a grant, or a client with client_credentials. Its index is drawn
at random, so that neighbouring indexes reveal nothing. The primary key ensures that an index is never given twice.
"""

import secrets
import struct
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Integer, Select, bindparam, exists, func, literal_column, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from ..oauth.status_list import SIZE
from ..store.together import Asked, PerDatabase, send
from .epochs import ListName
from .lists import OPEN, VOID, StatusIndex, StatusList
from .versions import raise_at_commit

_DRAWS, _TRIES = 8, 8  # when a list is as full as it may get, all eight draws of every third try are in use


class NoFreeIndex(Exception):
    """No list is open, or all random draws of _TRIES statements are in use."""


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
    for _ in range(_TRIES):
        if taken := (await send(session, {"index": taking(holder_id)}))["index"]:
            return Allocated(*taken[0])
    raise NoFreeIndex


def taking(holder_id: str) -> Asked:
    """Take the first unused one of some drawn indexes. No row: all of them are in use, or no list is open."""
    numbers = struct.unpack(f"{_DRAWS}I", secrets.token_bytes(4 * _DRAWS))  # SIZE is a power of two: no bias
    drawn = {f"drawn_{place}": number % SIZE for place, number in enumerate(numbers)}
    return Asked(_TAKE, {"holder": holder_id, **drawn})


_INDEXES: Any = StatusIndex.__table__
# No parameter: SQLite prepares a statement anew at each use if a partial index may depend on a parameter's value.
_OPEN: ColumnElement[str] = literal_column(f"'{OPEN}'")


def _taking(insert: Any) -> Any:
    *drawn, last = [bindparam(f"drawn_{number}", type_=Integer) for number in range(_DRAWS)]
    used = exists().where(_INDEXES.c.list_id == StatusList.id).correlate(StatusList)
    unused = [select(idx).where(~used.where(_INDEXES.c.idx == idx)).correlate(StatusList) for idx in drawn]
    first = func.coalesce(*(each.scalar_subquery() for each in unused), last)
    row = select(StatusList.id, first, bindparam("holder", type_=_INDEXES.c.holder_id.type))
    taken = insert(_INDEXES).from_select(["list_id", "idx", "holder_id"], row.where(StatusList.state == _OPEN))
    return taken.on_conflict_do_nothing().returning(_INDEXES.c.list_id, _INDEXES.c.idx)


_TAKE = PerDatabase(_taking)


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
