"""Browser sessions: the signed-in person, the device and the expiry.

A session slides: if it is used after `update_age`, it is extended by its whole `ttl`, up to an absolute age. Its token
is a handle that names the session in lists and revocations, but proves nothing. The credential is the signed handle
(sealed/signed_values.py).
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Boolean, ColumnElement, ForeignKey, Integer, String, bindparam, delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..accounts import accounts
from ..accounts.accounts import Account
from ..accounts.factors import challenges
from ..events import account_events, logouts
from ..grants import consents, grants, status_of_grants
from ..oauth.authentication_context import PASSWORD
from ..roles import assigned, groups
from ..status_lists import indexes as status_indexes
from ..store.database import Database
from ..store.instants import Instant
from ..store.rows import Row, detached
from ..store.together import Asked, send

USER_AGENT_MAX_LENGTH = 512


class BrowserSession(Row):
    __tablename__ = "browser_sessions"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    token: Mapped[str] = mapped_column(String(32), unique=True)
    account_id: Mapped[str] = mapped_column(ForeignKey("accounts.id", ondelete="CASCADE"), index=True)
    is_remembered: Mapped[bool] = mapped_column(Boolean)
    ip_address: Mapped[str] = mapped_column(String(45))
    user_agent: Mapped[str] = mapped_column(String(USER_AGENT_MAX_LENGTH))
    created_at: Mapped[datetime] = mapped_column(Instant)
    authenticated_at: Mapped[datetime] = mapped_column(Instant)  # when the person last entered their password
    updated_at: Mapped[datetime] = mapped_column(Instant)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)
    amr: Mapped[str | None] = mapped_column(String(64))  # separated by spaces; None: of before there were others
    second_factor_at: Mapped[datetime | None] = mapped_column(Instant)  # when one was last proved in this session
    status_list_id: Mapped[int | None] = mapped_column(Integer)  # of the tokens of the client `web`
    status_index: Mapped[int | None] = mapped_column(Integer)

    @property
    def methods(self) -> tuple[str, ...]:
        """How the person was authenticated (RFC 8176 §2)."""
        return (PASSWORD,) if self.amr is None else tuple(self.amr.split())


# Built once: building a statement takes longer than running it on SQLite.
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

_FIND_SURPLUS = (
    select(BrowserSession.id)
    .where(BrowserSession.account_id == bindparam("account_id"))
    .order_by(BrowserSession.created_at.desc())
    .offset(bindparam("kept", type_=Integer))
)


async def find_live(database: Database, token: str, *, now: datetime) -> tuple[BrowserSession, Account] | None:
    """The live session of a handle and its account, in one query through the unique index.

    Both objects are detached: changes to them are not stored.
    """
    row = await database.find_row(_FIND_LIVE, {"token": token, "now": now})
    if row is None:
        return None
    values = iter(row)
    return detached(BrowserSession, values), detached(Account, values)


_LOCK_LIVE = (
    select(BrowserSession.id)
    .where(BrowserSession.id == bindparam("session_id"), BrowserSession.expires_at > bindparam("now"))
    .with_for_update(read=True)
)


def locking_live(session_id: str, *, now: datetime) -> Asked:
    """A row if the session is live; locked until the transaction ends, so that no grant is made in an ended session."""
    return Asked(_LOCK_LIVE, {"session_id": session_id, "now": now})


async def lock_live(session: AsyncSession, session_id: str, *, now: datetime) -> bool:
    """Whether the session is live, as `locking_live`."""
    return bool((await send(session, {"session": locking_live(session_id, now=now)}))["session"])


async def end_session_by_id(
    session: AsyncSession, session_id: str, *, account_id: str | None = None, now: datetime
) -> BrowserSession | None:
    """End a session, also its offline grants, if it belongs to the account (None: any). Returns it, or None."""
    whose = () if account_id is None else (BrowserSession.account_id == account_id,)
    which = (BrowserSession.id == session_id, *whose)
    return next(iter(await _end(session, *which, offline_too=True, now=now)), None)


async def end_session(
    session: AsyncSession, token: str, *, account_id: str | None = None, offline_too: bool = False, now: datetime
) -> str | None:
    """End the session of a handle, if it belongs to the account (None: any). Returns its id, or None.

    Args:
        offline_too: end its offline grants as well: the session is revoked, not only signed out of.
    """
    whose = () if account_id is None else (BrowserSession.account_id == account_id,)
    ended = await _end(session, BrowserSession.token == token, *whose, offline_too=offline_too, now=now)
    return ended[0].id if ended else None


async def end_sessions(session: AsyncSession, account_id: str, *, except_id: str = "", now: datetime) -> int:
    """End all sessions and grants of an account, except those of `except_id`. Returns the number of sessions.

    Sign-ins that wait for a second factor end, too.
    """
    await accounts.lock(session, account_id)
    await challenges.end_all(session, account_id)
    whose = (BrowserSession.account_id == account_id, BrowserSession.id != except_id)
    ended = await _delete(session, *whose, now=now)
    await grants.end_for_account(session, account_id, except_session=except_id, now=now)
    return len(ended)


async def delete_with_sessions(session: AsyncSession, account_id: str, *, now: datetime) -> int:
    """End all sessions and grants of an account, and delete it. Returns the number of sessions."""
    await accounts.lock(session, account_id)
    ended = await _delete(session, BrowserSession.account_id == account_id, now=now)
    await assigned.lock(session, account_id=account_id)
    await groups.lock_members(session, account_id=account_id)
    await consents.lock(session, account_id=account_id)
    await grants.lock(session, account_id=account_id)
    await grants.end_for_account(session, account_id, now=now)
    await status_of_grants.delete_for_account(session, account_id)
    await accounts.delete_account(session, account_id, now=now)
    return len(ended)


async def end_surplus(session: AsyncSession, account_id: str, *, keep: int, now: datetime) -> None:
    """End the account's sessions except the newest `keep`."""
    surplus = (await session.scalars(_FIND_SURPLUS, {"account_id": account_id, "kept": keep})).all()
    if surplus:
        await _end(session, BrowserSession.id.in_(surplus), offline_too=False, now=now)


async def end_expired(session: AsyncSession, *, limit: int, now: datetime) -> int:
    """End expired sessions with their online grants. Returns how many, at most `limit`."""
    expired = select(BrowserSession.id).where(BrowserSession.expires_at <= now).limit(limit)
    unlocked = (await session.scalars(expired.with_for_update(skip_locked=True))).all()
    return len(await _end(session, BrowserSession.id.in_(unlocked), offline_too=False, now=now))


async def end_some(session: AsyncSession, *, limit: int, now: datetime) -> int:
    """End any sessions with all of their grants. Returns how many, at most `limit`; 0 when no session is left."""
    some = BrowserSession.id.in_(select(BrowserSession.id).limit(limit))
    return len(await _end(session, some, offline_too=True, now=now))


async def _end(
    session: AsyncSession, *which: ColumnElement[bool], offline_too: bool, now: datetime
) -> Sequence[BrowserSession]:
    """Delete the sessions, and end their tokens and grants."""
    ended = await _delete(session, *which, now=now)
    await grants.end_for_sessions(session, [each.id for each in ended], offline_too=offline_too, now=now)
    return ended


async def _delete(session: AsyncSession, *which: ColumnElement[bool], now: datetime) -> Sequence[BrowserSession]:
    """Delete the sessions, and end their tokens. All sessions end through this function. The caller ends the grants.

    Rows are locked in the order of their ids (store/__init__.py, "Locks").
    """
    locked = select(BrowserSession).where(*which).order_by(BrowserSession.id).with_for_update()
    ended = (await session.scalars(locked)).all()
    if not ended:
        return []
    ids = [each.id for each in ended]
    gone = delete(BrowserSession).where(BrowserSession.id.in_(ids)).execution_options(synchronize_session=False)
    await session.execute(gone)
    await status_indexes.revoke(session, ids, now=now)
    await logouts.record_logouts(session, ids, now=now)
    revoked = [(each.account_id, each.id) for each in ended if each.expires_at > now]  # no event for expired ones
    account_events.record_sessions_revoked(session, revoked, now=now)
    return ended
