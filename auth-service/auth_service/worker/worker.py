"""The worker: what has to be done now and then, by one of however many workers there are.

Each duty has a lease of its own. Who holds it does the work; who is killed loses it when it runs out, and another
worker goes on from what is stored. Every duty must bear to be cut off anywhere, and to be done twice at once: a lease
spares work, and what must happen once is decided by the statement that does it.
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

DRAIN_TIMEOUT = timedelta(seconds=20)  # for what is under way when the worker is told to stop
_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Duty:
    """Something to do every `period`; after a worker was killed another one waits for the `lease` to run out."""

    name: str
    period: timedelta
    lease: timedelta
    perform: Callable[[], Awaitable[object]]


async def perform_duties(
    database: Database, duties: Sequence[Duty], clock: Clock, stopping: asyncio.Event, metrics: DutyMetrics
) -> None:
    """Work until `stopping` is set, and then finish what is under way. What nobody foresaw ends all duties."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_perform_repeatedly(database, duty, clock, stopping, metrics)) for duty in duties]
        await stopping.wait()
        _, unfinished = await asyncio.wait(tasks, timeout=DRAIN_TIMEOUT.total_seconds())
        for task in unfinished:
            task.cancel()


async def _perform_repeatedly(
    database: Database, duty: Duty, clock: Clock, stopping: asyncio.Event, metrics: DutyMetrics
) -> None:
    """A store that does not answer, or a key that cannot be opened, is met again a period later."""
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
        metrics.lease_held.set(duty.name, to=int(renew_at > now))  # one that cannot be renewed is no longer counted on
        metrics.failures.add(duty.name, by=int(failure != ""))
        if failure and failure != failing:
            _log.error("duty_failed", duty=duty.name, error=failure)
        failing = failure
        with suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), duty.period.total_seconds())
    with suppress(SQLAlchemyError, OSError):
        await leases.release(database, duty.name, holder)
