"""Browser sessions: who is signed in, where, and until when.

A session slides: used after a day, it lives its whole ttl again, up to an absolute age. Its token is a handle: it names
the session in lists and revocations and proves nothing; the credential is the handle under a signature
(signed_values.py).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Boolean, ColumnElement, ForeignKey, Integer, String, bindparam, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..accounts.accounts import Account
from ..events import account_events
from ..grants import grants
from ..status_lists import indexes as status_indexes
from ..store import identifiers
from ..store.database import Database
from ..store.instants import Instant
from ..store.rows import Row
from .lifetimes import UNREMEMBERED_TTL, Lifetimes

USER_AGENT_MAX_LENGTH = 512
MAX_SESSIONS = 500  # of one account


class BrowserSession(Row):
    __tablename__ = "browser_sessions"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    token: Mapped[str] = mapped_column(String(32), unique=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    is_remembered: Mapped[bool] = mapped_column(Boolean)
    ip_address: Mapped[str] = mapped_column(String(45))
    user_agent: Mapped[str] = mapped_column(String(USER_AGENT_MAX_LENGTH))
    created_at: Mapped[datetime] = mapped_column(Instant)
    authenticated_at: Mapped[datetime] = mapped_column(Instant)  # when the person last proved to be there
    updated_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
    status_list_id: Mapped[int | None] = mapped_column(Integer)  # of what the client `web` gets in this session
    status_index: Mapped[int | None] = mapped_column(Integer)


# Built once: putting a statement together takes longer than SQLite needs to run it.
_SESSION_COLUMNS, _ACCOUNT_COLUMNS = BrowserSession.__table__.columns, Account.__table__.columns
_FIND_LIVE = (
    select(*_SESSION_COLUMNS, *_ACCOUNT_COLUMNS)
    .join(Account, Account.id == BrowserSession.account_id)
    .where(
        BrowserSession.token == bindparam("token"),
        BrowserSession.expires_at > bindparam("now"),
        Account.suspended_at.is_(None),
    )
)


@dataclass(frozen=True)
class Device:
    """Where a request comes from, as shown to the owner of the session."""

    ip_address: str
    user_agent: str


async def start_session(
    session: AsyncSession, account_id: str, *, remember: bool, device: Device, lifetimes: Lifetimes, now: datetime
) -> BrowserSession:
    ttl, session_id = lifetimes.ttl if remember else UNREMEMBERED_TTL, identifiers.draw()
    status = await status_indexes.allocate(session, session_id)
    started = BrowserSession(
        id=session_id,
        token=identifiers.draw(),
        account_id=account_id,
        is_remembered=remember,
        ip_address=device.ip_address,
        user_agent=device.user_agent[:USER_AGENT_MAX_LENGTH],
        created_at=now,
        authenticated_at=now,
        updated_at=now,
        expires_at=now + min(ttl, lifetimes.absolute_max_age),
        **status.columns(),
    )
    # An account has so many sessions at the most; the newest stay. Otherwise who signs in for ever fills the lists.
    surplus = select(BrowserSession.id).where(BrowserSession.account_id == account_id)
    surplus = surplus.order_by(BrowserSession.created_at.desc()).offset(MAX_SESSIONS - 1)
    await _end(session, BrowserSession.id.in_(surplus), offline_too=False, now=now)
    session.add(started)
    return started


async def find_live(database: Database, token: str, *, now: datetime) -> tuple[BrowserSession, Account] | None:
    """The live session of a handle and its account, as they are now: one read through the unique index.

    Both are values here, of no unit of work: what is changed in them is stored nowhere.
    """
    row = await database.find_row(_FIND_LIVE, {"token": token, "now": now})
    if row is None:
        return None
    values = iter(row)
    session = BrowserSession(**dict(zip(_SESSION_COLUMNS.keys(), values, strict=False)))
    return session, Account(**dict(zip(_ACCOUNT_COLUMNS.keys(), values, strict=True)))


def slid_expiry(found: BrowserSession, lifetimes: Lifetimes, *, now: datetime) -> datetime | None:
    """When the session would expire if it slid now; None when it is not yet time, or never will be."""
    if not found.is_remembered or found.expires_at - lifetimes.ttl + lifetimes.update_age > now:
        return None
    expires_at = min(now + lifetimes.ttl, found.created_at + lifetimes.absolute_max_age)
    return expires_at if expires_at > found.expires_at else None


async def slide(session: AsyncSession, found: BrowserSession, expires_at: datetime, *, now: datetime) -> bool:
    """Prolong the session. False if another request already has, or it has been ended meanwhile."""
    updated = await session.execute(
        update(BrowserSession)
        .where(BrowserSession.id == found.id, BrowserSession.expires_at == found.expires_at)
        .values(expires_at=expires_at, updated_at=now)
        .returning(BrowserSession.id)
    )
    return updated.scalar_one_or_none() is not None


async def list_live(session: AsyncSession, account_id: str, *, now: datetime) -> Sequence[BrowserSession]:
    live = select(BrowserSession).where(BrowserSession.account_id == account_id, BrowserSession.expires_at > now)
    return (await session.scalars(live.order_by(BrowserSession.created_at, BrowserSession.id))).all()


async def list_all_live(
    session: AsyncSession, *, account_id: str | None, after: str = "", limit: int, now: datetime
) -> Sequence[BrowserSession]:
    """A page of live sessions in the order of their ids, from behind `after`; of one account, or of all (None)."""
    whose = () if account_id is None else (BrowserSession.account_id == account_id,)
    query = select(BrowserSession).where(BrowserSession.expires_at > now, BrowserSession.id > after, *whose)
    return (await session.scalars(query.order_by(BrowserSession.id).limit(limit))).all()


async def authenticate_again(session: AsyncSession, session_id: str, *, now: datetime) -> bool:
    """The person of a session has proved again to be there; what hangs on it stays the same. False if it has ended."""
    again = update(BrowserSession).where(BrowserSession.id == session_id, BrowserSession.expires_at > now)
    again = again.values(authenticated_at=now, updated_at=now)
    return (await session.execute(again.returning(BrowserSession.id))).scalar_one_or_none() is not None


async def lock_live(session: AsyncSession, session_id: str, *, now: datetime) -> bool:
    """Whether the session still lives; it stays so until the transaction ends, so that no grant outlives it."""
    live = select(BrowserSession.id).where(BrowserSession.id == session_id, BrowserSession.expires_at > now)
    return await session.scalar(live.with_for_update(read=True)) is not None


async def end_session_by_id(session: AsyncSession, session_id: str, *, now: datetime) -> BrowserSession | None:
    """End a session that an operator names, with its offline grants. What it was; None when there is none."""
    ended = await _end(session, BrowserSession.id == session_id, offline_too=True, now=now)
    return ended[0] if ended else None


async def end_session(
    session: AsyncSession, token: str, *, account_id: str | None = None, offline_too: bool = False, now: datetime
) -> str | None:
    """End the session of a handle, if it is the account's (None: anybody's). Its id; None when none was ended.

    Args:
        offline_too: it is taken away, not only signed out of: the offline grants that were born in it end as well.
    """
    whose = () if account_id is None else (BrowserSession.account_id == account_id,)
    ended = await _end(session, BrowserSession.token == token, *whose, offline_too=offline_too, now=now)
    return ended[0].id if ended else None


async def end_sessions(session: AsyncSession, account_id: str, *, except_id: str = "", now: datetime) -> int:
    """End all sessions of an account, or all but one, and all grants but that one's. How many sessions there were."""
    whose = (BrowserSession.account_id == account_id, BrowserSession.id != except_id)
    ended = await _end(session, *whose, offline_too=True, now=now)
    await grants.end_for_account(session, account_id, except_session=except_id, now=now)
    return len(ended)


async def end_expired(session: AsyncSession, *, limit: int, now: datetime) -> int:
    """Delete sessions that have expired, with their online grants. How many, `limit` at most."""
    expired = select(BrowserSession.id).where(BrowserSession.expires_at <= now).limit(limit)
    return len(await _end(session, BrowserSession.id.in_(expired), offline_too=False, now=now))


async def _end(
    session: AsyncSession, *which: ColumnElement[bool], offline_too: bool, now: datetime
) -> Sequence[BrowserSession]:
    """Every session ends here, so that none ends without its tokens and its grants."""
    ended = (await session.scalars(delete(BrowserSession).where(*which).returning(BrowserSession))).all()
    await status_indexes.revoke(session, [each.id for each in ended], now=now)
    await grants.end_for_sessions(session, [each.id for each in ended], offline_too=offline_too, now=now)
    revoked = [(each.account_id, each.id) for each in ended if each.expires_at > now]  # others have run out
    account_events.record_sessions_revoked(session, revoked, now=now)
    return ended
