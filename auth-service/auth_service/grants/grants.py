"""Grants: the link between a session and a client. When a grant ends, its tokens end (GRANTS.md).

An online grant ends with its session. An offline grant (scope `offline_access`) outlives its session, until the person
or an operator ends it. Scope and resource are not stored in the grant, because each authorization has its own.
An ended grant stays ended; the next authorization in that session makes a new one. What a person is asked about every
time, a device or a program, gets a grant of its own (own_grants.py).
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import (
    Boolean,
    ColumnElement,
    ForeignKey,
    Integer,
    Select,
    SQLColumnExpression,
    String,
    Text,
    bindparam,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.ext.hybrid import hybrid_property
from sqlalchemy.orm import Mapped, mapped_column

from ..status_lists import indexes as status_indexes
from ..store import identifiers
from ..store.client_ids import NamesClient, url_of
from ..store.instants import Instant
from ..store.rows import Row, delete_unlocked, insert_into, partial_index

MAX_PER_GRANT = 100  # codes, and as many families of refresh tokens
USER_AGENT_LENGTH = 512
LIVE = "ended_at IS NULL"


class Grant(NamesClient, Row):
    __tablename__ = "grants"
    __table_args__ = (
        # Simultaneous requests of a session share a grant. One of its own has another `session_id`.
        partial_index("uq_grants_live", "session_id", "client_id", "is_offline", unique=True, where=LIVE),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    # No foreign key: an offline grant outlives its session. One of its own or of a personal token has its own id here.
    session_id: Mapped[str] = mapped_column(String(32))
    begun_in: Mapped[str | None] = mapped_column(String(32), index=True)  # of a grant of its own: its session
    address: Mapped[str | None] = mapped_column(String(45))  # of a grant of its own: the device's, or the browser's
    user_agent: Mapped[str | None] = mapped_column(String(USER_AGENT_LENGTH))  # the browser's; None: a device asked
    client_key: Mapped[str] = mapped_column(
        "client_id", ForeignKey("clients.client_id", ondelete="CASCADE"), index=True
    )
    is_offline: Mapped[bool] = mapped_column(Boolean)
    created_at: Mapped[datetime] = mapped_column(Instant)
    ended_at: Mapped[datetime | None] = mapped_column(Instant, index=True)
    status_list_id: Mapped[int | None] = mapped_column(Integer)
    status_index: Mapped[int | None] = mapped_column(Integer)

    @hybrid_property
    def sid(self) -> str:
        """The session in which the grant began; of a personal token, its id."""
        return self.begun_in or self.session_id

    @sid.inplace.expression
    @classmethod
    def _session(cls) -> SQLColumnExpression[str]:
        return func.coalesce(cls.begun_in, cls.session_id)


class Authorized(Row):
    """The columns of one authorization: its scope and resource, and how the person was authenticated."""

    __abstract__ = True

    grant_id: Mapped[str] = mapped_column(ForeignKey("grants.id", ondelete="CASCADE"), index=True)
    scope: Mapped[str] = mapped_column(Text)
    resource: Mapped[str] = mapped_column(Text)  # the granted audiences, separated by spaces
    auth_time: Mapped[datetime] = mapped_column(Instant)
    acr: Mapped[str] = mapped_column(Text)
    amr: Mapped[str] = mapped_column(Text)  # JSON
    claims: Mapped[str | None] = mapped_column(Text)  # the `claims` parameter, checked, as canonical JSON

    @property
    def scopes(self) -> tuple[str, ...]:
        return tuple(self.scope.split())

    @property
    def audiences(self) -> tuple[str, ...]:
        return tuple(self.resource.split())


async def find_or_create(
    session: AsyncSession, *, account_id: str, session_id: str, client_id: str, is_offline: bool, now: datetime
) -> str:
    """The id of the live grant of a session at a client, which is held. Simultaneous requests get the same one."""
    wanted = select(Grant.id).where(
        Grant.session_id == session_id,
        Grant.client_id == client_id,
        Grant.is_offline == is_offline,
        Grant.ended_at.is_(None),
    )
    while (found := await session.scalar(_held(wanted))) is None:
        insert = insert_into(session, Grant)
        await session.execute(
            insert.values(
                id=identifiers.draw(),
                account_id=account_id,
                session_id=session_id,
                client_id=client_id,
                client_url=url_of(client_id),
                is_offline=is_offline,
                created_at=now,
            ).on_conflict_do_nothing(index_elements=["session_id", "client_id", "is_offline"], index_where=text(LIVE))
        )
    return found


def select_lasting() -> Select[str]:
    """The live grant with the id `of_grant`. It does not end until the transaction does."""
    return _held(select(Grant.id).where(Grant.id == bindparam("of_grant"), Grant.ended_at.is_(None)))


def _held(which: Select[str]) -> Select[str]:
    return which.with_for_update(read=True, key_share=True)


async def make_room(
    session: AsyncSession, kind: type[Authorized], grant_id: str, *, used_at: SQLColumnExpression[datetime]
) -> None:
    """Before a row of `kind` is added to a grant, delete the surplus over MAX_PER_GRANT, the longest unused first.

    Otherwise a client that re-authorizes silently in a loop (prompt=none) would grow the table without bound.
    """
    key = kind.__mapper__.primary_key[0]
    newest_first = select(key).where(kind.grant_id == grant_id).order_by(used_at.desc())
    surplus = (await session.scalars(newest_first.offset(MAX_PER_GRANT - 1))).all()
    if surplus:
        await delete_unlocked(session, kind, select(key).where(key.in_(surplus)))


async def end(session: AsyncSession, grant_id: str, *, now: datetime) -> bool:
    """End one grant. False if it had ended before."""
    return await _end(session, Grant.id == grant_id, now=now) == 1


async def end_for_sessions(
    session: AsyncSession, session_ids: Collection[str], *, offline_too: bool, now: datetime
) -> int:
    """End the online grants of these sessions, or with `offline_too` all of their grants."""
    if not session_ids:
        return 0
    online = () if offline_too else (Grant.is_offline.is_(False),)
    begun = or_(Grant.session_id.in_(session_ids), Grant.begun_in.in_(session_ids))
    return await _end(session, begun, *online, now=now)


async def end_for_account(session: AsyncSession, account_id: str, *, except_session: str = "", now: datetime) -> int:
    """End all grants of an account, also offline ones, except those of the session `except_session`."""
    return await _end(session, Grant.account_id == account_id, Grant.sid != except_session, now=now)


async def end_for_client(session: AsyncSession, client_id: str, *, account_id: str | None = None, now: datetime) -> int:
    """End all grants at a client: of one account, or of all accounts (None)."""
    whose = () if account_id is None else (Grant.account_id == account_id,)
    return await _end(session, Grant.client_id == client_id, *whose, now=now)


async def lock(session: AsyncSession, **which: str) -> None:
    """Lock the grants with these values of columns, ended ones too, before their account or client is deleted."""
    locked = select(Grant.id).filter_by(**which).order_by(Grant.id).with_for_update()
    await session.execute(select(func.count()).select_from(locked.subquery()))


async def _end(session: AsyncSession, *which: ColumnElement[bool], now: datetime) -> int:
    """End the grants and revoke their status indexes. Returns how many were live. All grants end through this function.

    Rows are locked in the order of their ids (store/__init__.py, "Locks"). So a transaction calls this function once.
    """
    live = select(Grant.id).where(*which, Grant.ended_at.is_(None)).order_by(Grant.id).with_for_update()
    ids = (await session.scalars(live)).all()
    if ids:
        await session.execute(update(Grant).where(Grant.id.in_(ids)).values(ended_at=now))
        await status_indexes.revoke(session, ids, now=now)
    return len(ids)
