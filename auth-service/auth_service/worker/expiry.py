"""Deletion of expired rows, in small batches: tables do not grow without bound, and no request waits long.

A table's class says when its rows are deleted (`__expiry__`). Tables that need more than that are handled here.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

import structlog
from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from ..audit.trail import AuditEvent
from ..clients import document_clients
from ..clients.clients import Client
from ..grants.grants import Grant
from ..keys.past import delete_past_keys
from ..migrations.tables import import_tables
from ..sessions.browser_sessions import BrowserSession, end_expired
from ..store.database import Database
from ..store.rows import Row, delete_unlocked
from ..tokens.authorization_codes import REUSE_NOTICED_FOR, AuthorizationCode
from ..tokens.personal_tokens import PersonalToken
from ..tokens.refresh_tokens import RefreshTokenFamily, forget_successors

BATCH = 500  # rows in one transaction

_log = structlog.get_logger(__name__)


async def delete_old_events(database: Database, *, before: datetime) -> int:
    """Delete the audit trail of before that time. Returns how many rows were deleted."""
    return await _delete_all(database, AuditEvent, AuditEvent.last_at < before)


async def delete_expired(database: Database, *, now: datetime, max_rows: int | None = None) -> int:
    """Delete all expired rows, and the surplus over each table's `max_rows`. Returns how many rows were deleted."""
    deleted = await delete_past_keys(database, now=now) + await _repeat(database, end_expired, now)
    expiring = [(table, table.__expiry__) for table in import_tables() if table.__expiry__ is not None]
    for table, _ in expiring:
        deleted += await _delete_all(database, table, table.expires_at <= now)
    deleted += await _delete_all(database, AuthorizationCode, AuthorizationCode.created_at <= now - REUSE_NOTICED_FOR)
    deleted += await _delete_all(database, Client, Client.unused_until <= now)
    deleted += await _delete_all(database, Grant, _is_of_no_use(now - REUSE_NOTICED_FOR))
    deleted += await _repeat(database, document_clients.delete_unused, now)
    await _repeat(database, forget_successors, now)
    for table, expiry in expiring:
        if expiry.max_rows is not None:
            deleted += await _delete_surplus(database, table, max_rows or expiry.max_rows, expiry.surplus_first)
    _log.info("expired", deleted=deleted)
    return deleted


async def _delete_surplus(database: Database, table: Any, limit: int, first: Sequence[str]) -> int:
    key = table.__mapper__.primary_key[0]
    async with database.reading() as session:
        count = await session.scalar(select(func.count()).select_from(table)) or 0
    deleted = 0
    while count - deleted > limit:
        surplus = (
            select(key)
            .order_by(*(getattr(table, column) for column in first))
            .limit(min(BATCH, count - deleted - limit))
        )
        batch = await _delete(database, table, surplus)
        if not batch:
            break
        deleted += batch
    return deleted


def _is_of_no_use(long_ago: datetime) -> ColumnElement[bool]:
    """The condition for a grant that ended before `long_ago`, or has no session, code or token left."""
    children = [
        select(AuthorizationCode.grant_id).where(AuthorizationCode.grant_id == Grant.id).exists(),
        select(RefreshTokenFamily.grant_id).where(RefreshTokenFamily.grant_id == Grant.id).exists(),
        select(PersonalToken.grant_id).where(PersonalToken.grant_id == Grant.id).exists(),
        select(BrowserSession.id).where(BrowserSession.id == Grant.session_id).exists(),
    ]
    return or_(Grant.ended_at <= long_ago, and_(Grant.created_at <= long_ago, ~or_(*children)))


class _Batch(Protocol):
    async def __call__(self, session: AsyncSession, *, limit: int, now: datetime) -> int: ...


async def _repeat(database: Database, work: _Batch, now: datetime) -> int:
    """Call `work` in transactions of its own until it finds nothing more. Returns the sum."""
    done = 0
    while True:
        async with database.writing() as session:
            batch = await work(session, limit=BATCH, now=now)
        if not batch:
            return done
        done += batch


async def _delete_all(database: Database, table: Any, condition: Any) -> int:
    deleted = 0
    key = table.__mapper__.primary_key[0]
    while batch := await _delete(database, table, select(key).where(condition).limit(BATCH)):
        deleted += batch
    return deleted


async def _delete(database: Database, table: type[Row], chosen: Select[Any]) -> int:
    async with database.writing() as session:
        return await delete_unlocked(session, table, chosen)
