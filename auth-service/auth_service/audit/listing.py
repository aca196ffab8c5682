"""Lists of audited events, for operators."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from .trail import AuditEvent


@dataclass(frozen=True)
class Filter:
    """Which events to list; None: all. `since` is inclusive, `until` exclusive."""

    since: datetime | None = None
    until: datetime | None = None
    event: str | None = None
    account_id: str | None = None
    client_id: str | None = None


async def list_events(session: AsyncSession, which: Filter, *, after: int, limit: int) -> Sequence[AuditEvent]:
    """A page of events, the oldest first, starting after the id `after`."""
    query = select(AuditEvent).where(AuditEvent.id > after)
    if which.since is not None:
        query = query.where(AuditEvent.last_at >= which.since)
    if which.until is not None:
        query = query.where(AuditEvent.occurred_at < which.until)
    for column in (AuditEvent.event, AuditEvent.account_id, AuditEvent.client_id):
        if (value := getattr(which, column.key)) is not None:
            query = query.where(column == value)
    return (await session.scalars(query.order_by(AuditEvent.id).limit(limit))).all()
