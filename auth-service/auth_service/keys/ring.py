"""The key set that a process signs with and publishes, kept up to date with what is stored.

Every process reads the keys every other second, so a rotation needs no restart. Processes notice it at different
times, and that is safe: the new active key has been published by all of them as the spare, and the old one stays
published as a retiring key (key_rotation.py).
"""

import asyncio
from datetime import datetime, timedelta

import structlog
from sqlalchemy.exc import SQLAlchemyError

from ..store.instants import Clock
from .encryption import UnreadableKey
from .signing import KeySet, KeyStore

RELOAD_PERIOD = timedelta(seconds=2)
_log = structlog.get_logger(__name__)


class KeyRing:
    """Holds the current key set, which is replaced as a whole: who needs it twice reads it once."""

    def __init__(self, store: KeyStore, current: KeySet) -> None:
        self._store = store
        self.current = current

    async def reload(self, *, now: datetime) -> None:
        """Raises UnreadableKey, and what a store raises that does not answer; the old set is then kept."""
        self.current = await self._store.load(now=now, held=self.current)


async def reload_periodically(ring: KeyRing, clock: Clock) -> None:
    """Runs until cancelled. A failure is logged once, until it is over or another one."""
    failing = ""
    while True:
        await asyncio.sleep(RELOAD_PERIOD.total_seconds())
        try:
            await ring.reload(now=clock())
            failure = ""
        except (SQLAlchemyError, OSError) as error:
            failure = type(error).__name__
        except UnreadableKey as error:
            failure = str(error)
        if failure and failure != failing:
            _log.error("key_reload_failed", error=failure)
        failing = failure
