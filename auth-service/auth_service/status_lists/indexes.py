"""Who has which index of which status list, and which of them are revoked.

An index belongs to a holder: a session at the client `web` (by its id), a grant, or a client that acts for itself. It
is drawn at random, so that neighbours tell nothing, and the primary key decides that nobody else gets it, ever.
"""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import literal, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from ..oauth.status_list import SIZE
from ..store.rows import insert_into
from .lists import OPEN, StatusIndex, StatusList

_DRAWS = 64


class NoFreeIndex(Exception):
    """No list is open, or the open one is as good as full."""


@dataclass(frozen=True)
class Allocated:
    list_id: int
    index: int

    def columns(self) -> dict[str, int]:
        """As a holder remembers it."""
        return {"status_list_id": self.list_id, "status_index": self.index}


async def allocate(session: AsyncSession, holder_id: str) -> Allocated:
    """An index of the open list that nobody ever had.

    In the transaction that makes the holder, or that has locked it: then whoever ends the holder finds the index.

    Raises:
        NoFreeIndex
    """
    insert = insert_into(session, StatusIndex)
    for _ in range(_DRAWS):
        drawn = select(StatusList.id, literal(secrets.randbelow(SIZE)), literal(holder_id)).where(
            StatusList.state == OPEN
        )
        taken = await session.execute(
            insert.from_select(["list_id", "idx", "holder_id"], drawn)
            .on_conflict_do_nothing()
            .returning(StatusIndex.list_id, StatusIndex.idx)
        )
        if row := taken.one_or_none():
            return Allocated(row[0], row[1])
    raise NoFreeIndex


async def revoke(session: AsyncSession, holder_ids: Collection[str], *, now: datetime) -> None:
    """Set the bit of every index that these holders have or had, in the transaction that ends them."""
    if holder_ids:
        await session.execute(
            update(StatusIndex)
            .where(StatusIndex.holder_id.in_(holder_ids), StatusIndex.revoked_at.is_(None))
            .values(revoked_at=now)
            .execution_options(synchronize_session=False)
        )


async def is_revoked(session: AsyncSession, list_id: int, index: int) -> bool:
    """True also for an index that nobody has."""
    query = select(StatusIndex.idx).where(
        StatusIndex.list_id == list_id, StatusIndex.idx == index, StatusIndex.revoked_at.is_(None)
    )
    return await session.scalar(query) is None


async def find_revoked(session: AsyncSession, list_id: int) -> Sequence[int]:
    query = select(StatusIndex.idx).where(StatusIndex.list_id == list_id, StatusIndex.revoked_at.is_not(None))
    return (await session.scalars(query)).all()
