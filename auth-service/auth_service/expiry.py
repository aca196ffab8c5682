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
from .authorization_requests import MAX_ROWS as REQUESTS_MAX_ROWS
from .authorization_requests import StoredRequest
from .browser_sessions import BrowserSession
from .client_assertions import UsedAssertion
from .database import Database
from .instants import Clock
from .leases import hold
from .logout_requests import LogoutRequest

PERIOD = timedelta(minutes=1)
LEASE = timedelta(minutes=3)
BATCH = 500  # rows in one transaction
EXPIRING: tuple[Any, ...] = (BrowserSession, Attempts, UsedAssertion, StoredRequest, LogoutRequest)
# What strangers can make, how much of it is kept, and what goes first.
CAPPED: tuple[Any, ...] = (
    (Attempts, MAX_ROWS, (Attempts.count, Attempts.expires_at)),
    (StoredRequest, REQUESTS_MAX_ROWS, (StoredRequest.expires_at,)),
    (LogoutRequest, REQUESTS_MAX_ROWS, (LogoutRequest.expires_at,)),
)

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


async def delete_expired(database: Database, *, now: datetime, max_rows: int | None = None) -> int:
    """Delete every expired row, and what is too much of what anybody can make; how many rows went."""
    deleted = 0
    for table in EXPIRING:
        key = table.__mapper__.primary_key[0]
        expired = select(key).where(table.expires_at <= now).limit(BATCH)
        while batch := await _delete(database, table, key, expired):
            deleted += batch
    for table, limit, order in CAPPED:
        deleted += await _delete_surplus(database, table, max_rows or limit, order)
    return deleted


async def _delete_surplus(database: Database, table: Any, limit: int, order: Any) -> int:
    key = table.__mapper__.primary_key[0]
    async with database.reading() as session:
        count = await session.scalar(select(func.count()).select_from(table)) or 0
    deleted = 0
    while count - deleted > limit:
        first = select(key).order_by(*order).limit(min(BATCH, count - deleted - limit))
        batch = await _delete(database, table, key, first)
        if not batch:
            break
        deleted += batch
    return deleted


async def _delete(database: Database, table: Any, key: Any, chosen: Any) -> int:
    async with database.writing() as session:
        gone = await session.execute(delete(table).where(key.in_(chosen)).returning(key))
        return len(gone.all())
