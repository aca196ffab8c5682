"""What has expired is deleted in small batches, so that no table grows beyond what is live and no request waits long.

Each process wakes up once a minute; one of them, the holder of the lease, does the work.
"""

import asyncio
import secrets
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import delete, func, select
from sqlalchemy.exc import SQLAlchemyError

from .attempts import MAX_ROWS, Attempts
from .browser_sessions import BrowserSession
from .client_assertions import UsedAssertion
from .database import Database
from .instants import Clock
from .leases import hold

PERIOD = timedelta(minutes=1)
LEASE = timedelta(minutes=3)
BATCH = 500  # rows in one transaction
EXPIRING: tuple[Any, ...] = (BrowserSession, Attempts, UsedAssertion)

_log = structlog.get_logger(__name__)


async def delete_periodically(database: Database, clock: Clock) -> None:
    """Runs until cancelled. A store that does not answer is tried again a period later."""
    holder = secrets.token_hex(8)
    while True:
        await asyncio.sleep(PERIOD.total_seconds())
        try:
            if await hold(database, "expiry", holder, lasting=LEASE, now=clock()):
                deleted = await delete_expired(database, now=clock())
                _log.info("expired", deleted=deleted)
        except (SQLAlchemyError, OSError) as error:
            _log.warning("expiry_failed", error=type(error).__name__)


async def delete_expired(database: Database, *, now: datetime, max_rows: int = MAX_ROWS) -> int:
    """Delete every expired row, and the attempts that are too many; how many went."""
    deleted = 0
    for table in EXPIRING:
        key = table.__mapper__.primary_key[0]
        expired = select(key).where(table.expires_at <= now).limit(BATCH)
        while batch := await _delete(database, table, key, expired):
            deleted += batch
    async with database.reading() as session:
        surplus = (await session.scalar(select(func.count()).select_from(Attempts)) or 0) - max_rows
    while surplus > 0:
        least_tried = select(Attempts.key).order_by(Attempts.count, Attempts.expires_at).limit(min(BATCH, surplus))
        batch = await _delete(database, Attempts, Attempts.key, least_tried)
        deleted, surplus = deleted + batch, surplus - (batch or surplus)
    return deleted


async def _delete(database: Database, table: Any, key: Any, chosen: Any) -> int:
    async with database.writing() as session:
        gone = await session.execute(delete(table).where(key.in_(chosen)).returning(key))
        return len(gone.all())
