"""Grants: each is a session at a client, and what all its tokens live and die with (README, "Grants").

An online grant ends with its session. An offline one (scope `offline_access`) outlives it, and ends when its person or
an operator takes it away. What a token may do is not said here: that differs from one authorization to the next.
A grant that has ended stays ended; the next authorization of that session makes another one.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import (
    Boolean,
    ColumnElement,
    ForeignKey,
    Index,
    Integer,
    SQLColumnExpression,
    String,
    Text,
    delete,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..status_lists import indexes as status_indexes
from ..store import identifiers
from ..store.instants import Instant
from ..store.rows import Row, insert_into

MAX_PER_GRANT = 100  # codes, and families of refresh tokens
_LIVE = text("ended_at IS NULL")


class Grant(Row):
    __tablename__ = "grants"
    __table_args__ = (
        # An access token names its grant by these three, so there is one live grant of them at most.
        Index(
            "uq_grants_live",
            "session_id",
            "client_id",
            "is_offline",
            unique=True,
            sqlite_where=_LIVE,
            postgresql_where=_LIVE,
        ),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    session_id: Mapped[str] = mapped_column(String(32))  # no foreign key: an offline grant outlives its session
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id", ondelete="CASCADE"), index=True)
    is_offline: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant, index=True)
    status_list_id: Mapped[int | None] = mapped_column(Integer)
    status_index: Mapped[int | None] = mapped_column(Integer)


class Authorized(Row):
    """What came from one authorization: what may be done where, and how the person was authenticated."""

    __abstract__ = True

    grant_id: Mapped[str] = mapped_column(ForeignKey("grants.id", ondelete="CASCADE"), index=True)
    scope: Mapped[str] = mapped_column(Text)
    resource: Mapped[str] = mapped_column(Text)
    auth_time: Mapped[datetime] = mapped_column(Instant)
    acr: Mapped[str] = mapped_column(Text)
    amr: Mapped[str] = mapped_column(Text)  # JSON
    claims: Mapped[str | None] = mapped_column(Text)  # the `claims` parameter, checked, as canonical JSON

    @property
    def scopes(self) -> tuple[str, ...]:
        return tuple(self.scope.split())


async def find_or_create(
    session: AsyncSession, *, account_id: str, session_id: str, client_id: str, is_offline: bool, now: datetime
) -> str:
    """The id of the live grant of a session at a client. Of simultaneous requests one makes it, the others find it."""
    wanted = select(Grant.id).where(
        Grant.session_id == session_id,
        Grant.client_id == client_id,
        Grant.is_offline == is_offline,
        Grant.ended_at.is_(None),
    )
    while (found := await session.scalar(wanted)) is None:
        insert = insert_into(session, Grant)
        await session.execute(
            insert.values(
                id=identifiers.draw(),
                account_id=account_id,
                session_id=session_id,
                client_id=client_id,
                is_offline=is_offline,
                created_at=now,
            ).on_conflict_do_nothing(index_elements=["session_id", "client_id", "is_offline"], index_where=_LIVE)
        )
    return found


async def make_room(
    session: AsyncSession, kind: type[Authorized], grant_id: str, *, used_at: SQLColumnExpression[datetime]
) -> None:
    """Before one more is added, delete what a grant has too many of, the longest unused first.

    Otherwise a page that asks without end, which needs its person only once, fills the store.
    """
    key = kind.__mapper__.primary_key[0]
    surplus = select(key).where(kind.grant_id == grant_id).order_by(used_at.desc()).offset(MAX_PER_GRANT - 1)
    gone = delete(kind).where(key.in_(surplus)).execution_options(synchronize_session=False)
    await session.execute(gone)


async def end(session: AsyncSession, grant_id: str, *, now: datetime) -> bool:
    """End one grant. False if it has ended already."""
    return await _end(session, Grant.id == grant_id, now=now) == 1


async def end_for_sessions(
    session: AsyncSession, session_ids: Collection[str], *, offline_too: bool, now: datetime
) -> int:
    """End the grants of these sessions: those that live with them, or (`offline_too`) all that were born in them."""
    if not session_ids:
        return 0
    online = () if offline_too else (Grant.is_offline.is_(False),)
    return await _end(session, Grant.session_id.in_(session_ids), *online, now=now)


async def end_for_account(session: AsyncSession, account_id: str, *, except_session: str = "", now: datetime) -> int:
    """End all grants of an account, the offline ones too; or all but those that were born in one session."""
    return await _end(session, Grant.account_id == account_id, Grant.session_id != except_session, now=now)


async def end_for_client(session: AsyncSession, client_id: str, *, account_id: str | None = None, now: datetime) -> int:
    """End all grants at a client: of one account, whose person withdraws a consent, or of all (None)."""
    whose = () if account_id is None else (Grant.account_id == account_id,)
    return await _end(session, Grant.client_id == client_id, *whose, now=now)


async def _end(session: AsyncSession, *which: ColumnElement[bool], now: datetime) -> int:
    """Every grant ends here, and its tokens with it. How many were live.

    Rows are locked in one order, so that two who end the same ones do not deadlock.
    """
    live = select(Grant.id).where(*which, Grant.ended_at.is_(None)).order_by(Grant.id).with_for_update()
    ids = (await session.scalars(live)).all()
    if ids:
        await session.execute(update(Grant).where(Grant.id.in_(ids)).values(ended_at=now))
        await status_indexes.revoke(session, ids, now=now)
    return len(ids)
