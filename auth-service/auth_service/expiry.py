"""What has expired is deleted in small batches: no table grows beyond what is live, and no request waits long."""

from datetime import datetime
from typing import Any

import structlog
from sqlalchemy import delete, func, select

from .attempts import MAX_ROWS, Attempts
from .authorization_requests import MAX_ROWS as REQUESTS_MAX_ROWS
from .authorization_requests import StoredRequest
from .browser_sessions import BrowserSession
from .client_assertions import UsedAssertion
from .database import Database
from .logout_requests import LogoutRequest
from .past_keys import delete_past_keys

BATCH = 500  # rows in one transaction
EXPIRING: tuple[Any, ...] = (BrowserSession, Attempts, UsedAssertion, StoredRequest, LogoutRequest)
# What strangers can make, how much of it is kept, and what goes first.
CAPPED: tuple[Any, ...] = (
    (Attempts, MAX_ROWS, (Attempts.count, Attempts.expires_at)),
    (StoredRequest, REQUESTS_MAX_ROWS, (StoredRequest.expires_at,)),
    (LogoutRequest, REQUESTS_MAX_ROWS, (LogoutRequest.expires_at,)),
)

_log = structlog.get_logger(__name__)


async def delete_expired(database: Database, *, now: datetime, max_rows: int | None = None) -> int:
    """Delete every expired row, and what is too much of what anybody can make; how many rows went."""
    deleted = await delete_past_keys(database, now=now)
    for table in EXPIRING:
        key = table.__mapper__.primary_key[0]
        expired = select(key).where(table.expires_at <= now).limit(BATCH)
        while batch := await _delete(database, table, key, expired):
            deleted += batch
    for table, limit, order in CAPPED:
        deleted += await _delete_surplus(database, table, max_rows or limit, order)
    _log.info("expired", deleted=deleted)
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
