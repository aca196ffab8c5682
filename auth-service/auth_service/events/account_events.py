"""Account events for other services: an outbox, written in the same transaction as the change.

So every committed change has its event, and a change that was rolled back has none. The worker sends each event to
every client with an `event_endpoint` (deliveries.py), or only to the one that it names. If there is no such client, the
event is dropped.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import String, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..oauth.logout_token import EVENT as BACKCHANNEL_LOGOUT
from ..oauth.security_event import ACCOUNT_DISABLED, ACCOUNT_PURGED, SESSION_REVOKED
from ..store import identifiers
from ..store.instants import Instant
from ..store.rows import Row


class AccountEvent(Row):
    __tablename__ = "account_events"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    type: Mapped[str] = mapped_column(String(128))
    account_id: Mapped[str] = mapped_column(String(32))  # no foreign key: the event outlives the account
    session_id: Mapped[str | None] = mapped_column(String(32))
    # The only receiver, or None: all. No foreign key: the insert would lock the client after the session.
    client_id: Mapped[str | None] = mapped_column(String(64))
    occurred_at: Mapped[datetime] = mapped_column(Instant, index=True)


def record_purged(session: AsyncSession, account_id: str, *, now: datetime) -> None:
    _record(session, ACCOUNT_PURGED, account_id, None, now)


def record_disabled(session: AsyncSession, account_id: str, *, now: datetime) -> None:
    _record(session, ACCOUNT_DISABLED, account_id, None, now)


def record_sessions_revoked(session: AsyncSession, revoked: Iterable[tuple[str, str]], *, now: datetime) -> None:
    """Record one event per revoked session, given as pairs of account id and session id."""
    for account_id, session_id in revoked:
        _record(session, SESSION_REVOKED, account_id, session_id, now)


def record_logout(session: AsyncSession, account_id: str, session_id: str, *, client_id: str, now: datetime) -> None:
    """Record that one client is to be told of the end of a session."""
    _record(session, BACKCHANNEL_LOGOUT, account_id, session_id, now, client_id)


async def list_events(session: AsyncSession, *, after: str, limit: int) -> Sequence[AccountEvent]:
    """A page of the events that have no deliveries yet, ordered by id, starting after `after`."""
    return (
        await session.scalars(
            select(AccountEvent).where(AccountEvent.id > after).order_by(AccountEvent.id).limit(limit)
        )
    ).all()


def _record(
    session: AsyncSession,
    type_: str,
    account_id: str,
    session_id: str | None,
    now: datetime,
    client_id: str | None = None,
) -> None:
    event = AccountEvent(
        id=identifiers.draw(),
        type=type_,
        account_id=account_id,
        session_id=session_id,
        client_id=client_id,
        occurred_at=now,
    )
    session.add(event)
