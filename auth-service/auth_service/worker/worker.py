"""The worker: periodic duties, each performed by one of the running workers.

Each duty has its own lease, and the holder performs the duty. If the holder is killed, its lease expires, and another
worker continues from the database. Every duty must tolerate being interrupted anywhere, and running twice at the same
time: a lease only avoids needless work. Steps that must happen once are decided by their SQL statement.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from ..keys.encryption import UnreadableKey
from ..store import leases
from ..store.database import Database
from ..store.instants import Clock
from .duty_metrics import DutyMetrics

DRAIN_TIMEOUT = timedelta(seconds=20)  # for running duties when the worker stops
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Duty:
    """A function to call every `period`. If a worker is killed, another one takes over when the `lease` expires."""

    name: str
    period: timedelta
    lease: timedelta
    perform: Callable[[], Awaitable[object]]


async def perform_duties(
    database: Database, duties: Sequence[Duty], clock: Clock, stopping: asyncio.Event, metrics: DutyMetrics
) -> None:
    """Perform duties until `stopping` is set, then finish the running ones. An unexpected exception ends all duties."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_perform_repeatedly(database, duty, clock, stopping, metrics)) for duty in duties]
        await stopping.wait()
        _, unfinished = await asyncio.wait(tasks, timeout=DRAIN_TIMEOUT.total_seconds())
        for task in unfinished:
            task.cancel()


async def _perform_repeatedly(
    database: Database, duty: Duty, clock: Clock, stopping: asyncio.Event, metrics: DutyMetrics
) -> None:
    """Perform one duty while its lease is held. After a database error or UnreadableKey it is tried a period later."""
    holder, failing = secrets.token_hex(8), ""
    renew_at = clock()
    while not stopping.is_set():
        failure = ""
        try:
            if (now := clock()) >= renew_at:
                is_held = await leases.hold(database, duty.name, holder, lasting=duty.lease, now=now)
                renew_at = now + duty.lease / 2 if is_held else now
            if renew_at > now:
                await duty.perform()
                metrics.performed_at.set(duty.name, to=clock().timestamp())
        except (SQLAlchemyError, OSError) as error:
            failure = type(error).__name__
        except UnreadableKey as error:
            failure = str(error)
        metrics.lease_held.set(duty.name, to=int(renew_at > now))  # 0 as well if renewal failed
        metrics.failures.add(duty.name, by=int(failure != ""))
        if failure and failure != failing:
            _log.error("duty_failed", duty=duty.name, error=failure)
        failing = failure
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), duty.period.total_seconds())
    with suppress(SQLAlchemyError, OSError):
        await leases.release(database, duty.name, holder)
