"""Deliveries: one per event and receiver, kept until the receiver acknowledges it, at most a week.

A failed delivery is retried after 1, 2, 4 … seconds, up to an hour. If a worker is killed after sending but before
recording it, the event is sent again; the receiver recognizes the `jti`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import ForeignKey, Integer, String, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..clients.clients import Client
from ..oauth.security_event import ACCOUNT_PURGED
from ..store import identifiers
from ..store.database import Database
from ..store.instants import Instant
from ..store.rows import Row
from .account_events import AccountEvent

BATCH = 200
MAX_ERROR = 200  # characters of an error that are stored
DELIVERY_TTL = timedelta(days=7)
FIRST_RETRY, LAST_RETRY = timedelta(seconds=1), timedelta(hours=1)
# By then the revocation of a purged account's tokens has reached every verifier, so they can write nothing more.
PURGE_DELAY = timedelta(seconds=10)
_log = structlog.get_logger(__name__)


class EventDelivery(Row):
    __tablename__ = "event_deliveries"

    jti: Mapped[str] = mapped_column(String(32), primary_key=True)
    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id", ondelete="CASCADE"), index=True)
    type: Mapped[str] = mapped_column(String(128))
    account_id: Mapped[str] = mapped_column(String(32))
    session_id: Mapped[str | None] = mapped_column(String(32))
    occurred_at: Mapped[datetime] = mapped_column(Instant)
    attempts: Mapped[int] = mapped_column(Integer)
    next_at: Mapped[datetime] = mapped_column(Instant, index=True)
    expires_at: Mapped[datetime] = mapped_column(Instant)
    last_error: Mapped[str | None] = mapped_column(String(MAX_ERROR))


async def distribute(database: Database) -> None:
    """Turn events into deliveries, the oldest first.

    Removing events and creating their deliveries is one transaction, so each event is distributed exactly once.
    """
    while True:
        async with database.reading() as session:
            oldest = select(AccountEvent.id).order_by(AccountEvent.occurred_at).limit(BATCH)
            ids = (await session.scalars(oldest)).all()
        if not ids:
            return
        async with database.writing() as session:
            taken = delete(AccountEvent).where(AccountEvent.id.in_(ids)).returning(AccountEvent)
            events = (await session.scalars(taken)).all()
            clients = (await session.scalars(select(Client).where(_RECEIVES))).all()
            session.add_all(_delivery(event, each) for event in events for each in clients if _is_for(event, each))


_RECEIVES = or_(*(Client.registered.contains(f'"{name}"') for name in ("event_endpoint", "backchannel_logout_uri")))


def _is_for(event: AccountEvent, receiver: Client) -> bool:
    if event.client_id is not None:
        return event.client_id == receiver.client_id
    return receiver.registration.event_endpoint is not None


def _delivery(event: AccountEvent, receiver: Client) -> EventDelivery:
    delay = PURGE_DELAY if event.type == ACCOUNT_PURGED else timedelta(0)
    return EventDelivery(
        jti=identifiers.draw(),
        client_id=receiver.client_id,
        type=event.type,
        account_id=event.account_id,
        session_id=event.session_id,
        occurred_at=event.occurred_at,
        attempts=0,
        next_at=event.occurred_at + delay,
        expires_at=event.occurred_at + DELIVERY_TTL,
    )


async def list_due(
    database: Database, *, now: datetime, limit: int, of_one_receiver: int
) -> Sequence[tuple[EventDelivery, Client]]:
    """The deliveries that are due, each with its receiver, the longest overdue first.

    At most `of_one_receiver` go to the same receiver, so that one who answers slowly leaves room for the others.
    """
    rank = func.row_number().over(partition_by=EventDelivery.client_id, order_by=EventDelivery.next_at).label("rank")
    ranked = select(EventDelivery.jti, rank).where(EventDelivery.next_at <= now).subquery()
    due = select(EventDelivery, Client).join(Client, Client.client_id == EventDelivery.client_id)
    due = due.join(ranked, ranked.c.jti == EventDelivery.jti).where(ranked.c.rank <= of_one_receiver)
    async with database.reading() as session:
        return [(row[0], row[1]) for row in (await session.execute(due.order_by(EventDelivery.next_at).limit(limit)))]


async def find_backlog(database: Database) -> tuple[int, datetime | None]:
    """Number of undelivered events over all receivers, and when the oldest of them occurred (None: there are none)."""
    waiting = [select(func.count(), func.min(table.occurred_at)) for table in (AccountEvent, EventDelivery)]
    async with database.reading() as session:
        found = [(await session.execute(each)).one() for each in waiting]
    return sum(count for count, _ in found), min((oldest for _, oldest in found if oldest is not None), default=None)


async def finish(database: Database, delivery: EventDelivery) -> None:
    """Delete a delivery: the receiver acknowledged it or is no longer registered, or the delivery is given up."""
    async with database.writing() as session:
        await session.execute(delete(EventDelivery).where(EventDelivery.jti == delivery.jti))


async def postpone(database: Database, delivery: EventDelivery, reason: str, *, now: datetime) -> None:
    """Schedule the next attempt. At the end of DELIVERY_TTL give up, and log an error that raises an alert."""
    facts = {"jti": delivery.jti, "client_id": delivery.client_id, "type": delivery.type, "reason": reason}
    pause = _pause_after(delivery.attempts)
    if now + pause >= delivery.expires_at:
        _log.error("event_given_up", account_id=delivery.account_id, **facts)
        await finish(database, delivery)
        return
    _log.warning("event_not_delivered", attempts=delivery.attempts + 1, **facts)
    async with database.writing() as session:
        await session.execute(
            update(EventDelivery)
            .where(EventDelivery.jti == delivery.jti)
            .values(attempts=delivery.attempts + 1, next_at=now + pause, last_error=reason[:MAX_ERROR])
        )


def _pause_after(attempts: int) -> timedelta:
    doubled: int = 2 ** min(attempts, 20)
    return min(FIRST_RETRY * doubled, LAST_RETRY)


async def pause_receiver(database: Database, client_id: str, reason: str, *, now: datetime) -> None:
    """Postpone all that is due for a receiver that cannot be reached, as long as its most tried delivery waits.

    Each attempt at it may take seconds, so it gets one attempt per pause, however many deliveries wait for it.
    """
    whose = EventDelivery.client_id == client_id
    async with database.writing() as session:
        attempts = await session.scalar(select(func.max(EventDelivery.attempts)).where(whose)) or 0
        later = update(EventDelivery).where(whose, EventDelivery.next_at <= now)
        await session.execute(later.values(next_at=now + _pause_after(attempts), last_error=reason[:MAX_ERROR]))


async def resume_receiver(database: Database, client_id: str, *, now: datetime) -> None:
    """Make what `pause_receiver` and earlier failures have postponed due at once: the receiver answers again."""
    postponed = update(EventDelivery).where(EventDelivery.client_id == client_id, EventDelivery.last_error.is_not(None))
    async with database.writing() as session:
        await session.execute(postponed.where(EventDelivery.next_at > now).values(next_at=now))


async def list_deliveries(
    session: AsyncSession, *, failed_only: bool, after: str, limit: int
) -> Sequence[EventDelivery]:
    """A page of unacknowledged deliveries ordered by id; with `failed_only`, those with a failed attempt."""
    query = select(EventDelivery).where(EventDelivery.jti > after).order_by(EventDelivery.jti).limit(limit)
    return (await session.scalars(query.where(EventDelivery.attempts > 0) if failed_only else query)).all()


async def resend(session: AsyncSession, jti: str | None, *, now: datetime) -> int:
    """Make failed deliveries due now: one, or all (None). Returns how many.

    Deliveries without an attempt are left alone: they are sent when due anyway, and a purge must keep its delay.
    """
    which = () if jti is None else (EventDelivery.jti == jti,)
    made_due = update(EventDelivery).where(EventDelivery.attempts > 0, *which).values(next_at=now)
    quietly = {"synchronize_session": False}
    return len((await session.scalars(made_due.returning(EventDelivery.jti), execution_options=quietly)).all())
