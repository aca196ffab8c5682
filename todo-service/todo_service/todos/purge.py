"""The purge: remove todos and lists that were deleted 30 days ago, expired idempotency keys and expired event ids.

It works in small batches. Of all processes only one purges at a time: the one that holds the lease.
"""

import asyncio
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import Delete, and_, bindparam, delete, or_, select, tuple_, update
from sqlalchemy.exc import SQLAlchemyError

from ..store.database import Database
from .jitter import jittered
from .queries import RESTORE_TTL
from .table import departures, idempotency_keys, invitations, leases, lists, members, received_events, todos

INTERVAL = timedelta(minutes=10)
BATCH = 500
_log = structlog.get_logger(__name__)


def _delete(table: Any, expired: Any) -> Delete:
    key = tuple(table.primary_key)
    oldest = select(*key).where(expired < bindparam("before", type_=expired.type)).order_by(expired).limit(BATCH)
    return delete(table).where(tuple_(*key).in_(oldest))


_TODOS = _delete(todos, todos.c.deleted_at)
_LISTS = _delete(lists, lists.c.deleted_at)
_MEMBERS = _delete(members, members.c.deleted_at)
_DEPARTURES = _delete(departures, departures.c.left_at)
_INVITATIONS = _delete(invitations, invitations.c.expires_at)
_KEYS = _delete(idempotency_keys, idempotency_keys.c.expires_at)
_EVENTS = _delete(received_events, received_events.c.expires_at)
_LEASE = update(leases).where(
    leases.c.name == "purge",
    or_(
        leases.c.expires_at < bindparam("now", type_=leases.c.expires_at.type),
        and_(leases.c.holder == bindparam("me")),
    ),
)


async def purge_forever(database: Database, *, clock: Callable[[], float], interval: timedelta = INTERVAL) -> None:
    holder = secrets.token_hex(16)
    while True:
        await asyncio.sleep(jittered(interval.total_seconds(), 0.5, 1))
        now = datetime.fromtimestamp(clock(), UTC)
        try:
            if await take_lease(database, holder, now=now, until=now + interval):
                removed = await purge(database, now=now)
                _log.info("purged", todos=removed["todos"], idempotency_keys=removed["idempotency_keys"])
        except (SQLAlchemyError, OSError) as error:
            _log.warning("the purge failed", error=type(error).__name__)


async def take_lease(database: Database, holder: str, *, now: datetime, until: datetime) -> bool:
    """Take or renew the lease for `holder`. False if another holder has it and it has not expired."""
    async with database.writer.begin() as connection:
        taken = await connection.execute(_LEASE.values(holder=holder, expires_at=until), {"now": now, "me": holder})
    return taken.rowcount == 1


async def purge(database: Database, *, now: datetime) -> dict[str, int]:
    """Remove everything that has expired, one transaction per batch. Returns the numbers of removed rows by table."""
    return {
        "todos": await _remove(database, _TODOS, now - RESTORE_TTL),
        "lists": await _remove(database, _LISTS, now - RESTORE_TTL),
        "members": await _remove(database, _MEMBERS, now - RESTORE_TTL),
        "departures": await _remove(database, _DEPARTURES, now - RESTORE_TTL),
        "invitations": await _remove(database, _INVITATIONS, now),
        "idempotency_keys": await _remove(database, _KEYS, now),
        "received_events": await _remove(database, _EVENTS, now),
    }


async def _remove(database: Database, statement: Delete, before: datetime) -> int:
    total = 0
    while True:
        async with database.purging(before) as connection:
            removed = (await connection.execute(statement, {"before": before})).rowcount
        total += removed
        if removed < BATCH:
            return total
        await asyncio.sleep(0)
