"""Stored status lists, and how one replaces another (REVOCATION.md).

Two lists are always published: the open one, from which indexes are drawn (indexes.py), and the next one, so that every
verifier has it before it opens. A closed list stays published until the last token with one of its indexes has expired.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import (
    BigInteger,
    BindParameter,
    ColumnElement,
    Index,
    Integer,
    String,
    bindparam,
    func,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..oauth.status_list import SIZE
from ..store.database import Database
from ..store.instants import Instant
from ..store.rows import Row, delete_unlocked, partial_index

OPEN, NEXT, CLOSED = "open", "next", "closed"
VOID = "void"  # of before a restore (epochs.py): never published again, and all of its indexes count as revoked
OPEN_FOR = timedelta(days=1)
FULL = SIZE * 7 // 8  # beyond this, random draws would hit used indexes too often
PUBLISHED_FOR = timedelta(seconds=10)  # covers a verifier's poll, the caches in front, and our own processes' refresh
# A process may still issue tokens for a moment after a list has closed, and verifiers allow 60 s of leeway.
CLOSED_MARGIN = timedelta(seconds=60 + 10)
_BATCH = 500  # rows in one transaction


def _at_most_one(state: str) -> Index:
    return partial_index(f"uq_status_lists_{state}", "state", unique=True, where=f"state = '{state}'")


class StatusList(Row):
    __tablename__ = "status_lists"
    __table_args__ = (_at_most_one(OPEN), _at_most_one(NEXT))

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    epoch: Mapped[int] = mapped_column(BigInteger, server_default="0")  # 0: made before there were epochs
    version: Mapped[int] = mapped_column(Integer, server_default="0")  # raised with each change (versions.py)
    state: Mapped[str] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(Instant)
    opened_at: Mapped[datetime | None] = mapped_column(Instant)
    closed_at: Mapped[datetime | None] = mapped_column(Instant)


class StatusIndex(Row):
    """A used index. `holder_id` is no foreign key, because the row outlives its holder."""

    __tablename__ = "status_indexes"
    __table_args__ = (partial_index("ix_status_indexes_revoked", "list_id", where="revoked_at IS NOT NULL"),)

    list_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    idx: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    holder_id: Mapped[str] = mapped_column(String(64), index=True)
    revoked_at: Mapped[datetime | None] = mapped_column(Instant)


@dataclass(frozen=True)
class ListState:
    """A published list as it is stored."""

    id: int
    epoch: int
    state: str
    version: int


async def find_states(database: Database, *, closed_after: datetime) -> Sequence[ListState]:
    """All published lists."""
    return [ListState(*row) for row in await database.find_rows(_FIND_STATES, {"closed_after": closed_after})]


def _is_published(closed_after: datetime | BindParameter[datetime]) -> ColumnElement[bool]:
    return StatusList.closed_at.is_(None) | ((StatusList.closed_at > closed_after) & (StatusList.state != VOID))


_FIND_STATES = (  # built once: every process looks five times a second
    select(StatusList.id, StatusList.epoch, StatusList.state, StatusList.version)
    .where(_is_published(bindparam("closed_after", type_=Instant)))
    .order_by(StatusList.id)
)


async def create_first(database: Database, *, now: datetime) -> None:
    """Create an open list and a next one at the first start. No verifier needs to know the open one in advance yet.

    Their epoch is the Unix time, so that a new database in the place of a lost one has a later epoch than that.
    """
    async with database.reading() as session:
        if await session.scalar(select(func.count()).select_from(StatusList)):
            return
    epoch = int(now.timestamp())
    try:
        async with database.writing() as session:
            session.add_all(
                [
                    StatusList(id=1, epoch=epoch, state=OPEN, created_at=now, opened_at=now),
                    StatusList(id=2, epoch=epoch, state=NEXT, created_at=now),
                ]
            )
    except IntegrityError:
        return  # Another process was first; its lists are used.


async def replace_open_list(database: Database, *, now: datetime) -> bool:
    """If the open list is full or a day old, close it, open the next one and create another. False if it is not due.

    Of simultaneous calls only one succeeds: the conditional UPDATE decides, backed by the unique indexes.
    """
    async with database.reading() as session:
        lists = {
            each.state: each
            for each in await session.scalars(select(StatusList).where(StatusList.state.in_((OPEN, NEXT))))
        }
        if not {OPEN, NEXT} <= lists.keys():
            return False
        used = select(func.count()).select_from(StatusIndex).where(StatusIndex.list_id == lists[OPEN].id)
        is_due = (lists[OPEN].opened_at or now) + OPEN_FOR <= now or (await session.scalar(used) or 0) >= FULL
    if not is_due or lists[NEXT].created_at + PUBLISHED_FOR > now:
        return False
    async with database.writing() as session:
        if not await _move(session, lists[OPEN], CLOSED, closed_at=now):
            return False
        await _move(session, lists[NEXT], OPEN, opened_at=now)
        epoch = lists[NEXT].epoch or int(now.timestamp())  # the first list after the upgrade from before the epochs
        session.add(StatusList(id=lists[NEXT].id + 1, epoch=epoch, state=NEXT, created_at=now))
    return True


async def _move(session: AsyncSession, found: StatusList, state: str, **instants: datetime) -> bool:
    moved = await session.execute(
        update(StatusList)
        .where(StatusList.id == found.id, StatusList.state == found.state)
        .values(state=state, **instants)
        .returning(StatusList.id)
        .execution_options(synchronize_session=False)
    )
    return moved.scalar_one_or_none() is not None


async def replace_and_retire(database: Database, shown_for: timedelta, *, now: datetime) -> None:
    """The worker's periodic duty: replace the open list when due, and delete indexes of lists no longer published."""
    await replace_open_list(database, now=now)
    deleted = _BATCH
    while deleted == _BATCH:
        async with database.writing() as session:
            deleted = await delete_retired(session, closed_before=now - shown_for, limit=_BATCH)


async def delete_retired(session: AsyncSession, *, closed_before: datetime, limit: int) -> int:
    """Delete indexes of lists that are no longer published. Returns how many. The lists' ids are never used again."""
    retired = select(StatusList.id).where(StatusList.closed_at <= closed_before)
    chosen = select(StatusIndex.list_id, StatusIndex.idx).where(StatusIndex.list_id.in_(retired)).limit(limit)
    return await delete_unlocked(session, StatusIndex, chosen)
