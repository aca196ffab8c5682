"""Grants and their status indexes, many at once: all access tokens end while the grants live on, or all grants end."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from ..status_lists import indexes as status_indexes
from .grants import Grant

_BATCH = 500  # ids in one statement


async def renew_indexes(session: AsyncSession, grant_ids: Collection[str], *, now: datetime) -> None:
    """Revoke all access tokens of these grants. The grants live on: their next tokens have another index."""
    for batch in _batches(sorted(set(grant_ids))):
        await session.execute(update(Grant).where(Grant.id.in_(batch)).values(status_list_id=None, status_index=None))
        await status_indexes.revoke(session, batch, now=now)


async def end_all(session: AsyncSession, *, now: datetime) -> int:
    """End all grants after a restore, which has made their status indexes void. Returns how many were live."""
    ended = update(Grant).where(Grant.ended_at.is_(None)).values(ended_at=now).returning(Grant.id)
    return len((await session.scalars(ended, execution_options={"synchronize_session": False})).all())


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _BATCH):
        yield ids[start : start + _BATCH]
