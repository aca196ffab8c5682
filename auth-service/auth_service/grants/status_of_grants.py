"""Many grants at once: all access tokens end while the grants live on, all grants end, or an account's are deleted."""

import asyncio
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from sqlalchemy import bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from ..status_lists import indexes as status_indexes
from .grants import Grant

_BATCH = 500  # ids in one statement
_DELETED_AT_ONCE = 20  # grants, each with up to MAX_PER_GRANT codes and as many families of refresh tokens
_SOME = select(Grant.id).where(Grant.account_id == bindparam("account")).limit(_DELETED_AT_ONCE)
_DELETE_SOME = delete(Grant).where(Grant.id.in_(_SOME)).returning(Grant.id).execution_options(synchronize_session=False)


async def renew_indexes(session: AsyncSession, grant_ids: Collection[str], *, now: datetime) -> None:
    """Revoke all access tokens of these grants. The grants live on: their next tokens have another index."""
    for batch in _batches(sorted(set(grant_ids))):
        await session.execute(update(Grant).where(Grant.id.in_(batch)).values(status_list_id=None, status_index=None))
        await status_indexes.revoke(session, batch, now=now)


async def end_all(session: AsyncSession, *, now: datetime) -> int:
    """End all grants after a restore, which has made their status indexes void. Returns how many were live."""
    ended = update(Grant).where(Grant.ended_at.is_(None)).values(ended_at=now).returning(Grant.id)
    return len((await session.scalars(ended, execution_options={"synchronize_session": False})).all())


async def delete_for_account(session: AsyncSession, account_id: str) -> None:
    """Delete the grants with their codes and refresh tokens, some at a time, before the account is deleted.

    On SQLite a statement runs on the event loop, where it stops all other requests; they go on between two statements.
    The caller has locked the grants.
    """
    while True:
        deleted = (await session.scalars(_DELETE_SOME, {"account": account_id})).all()
        if len(deleted) < _DELETED_AT_ONCE:
            return
        await asyncio.sleep(0)


def _batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _BATCH):
        yield ids[start : start + _BATCH]
