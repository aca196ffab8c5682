"""The key set that a process signs with and publishes, kept up to date with the database.

Every process reads the keys every two seconds, so a rotation needs no restart. Processes notice it at different times.
That is safe: all of them have published the new active key as the spare, and the old one stays published as a retiring
key (rotation.py).
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
    """Holds the current key set. It is replaced as a whole: read `current` once per operation."""

    def __init__(self, store: KeyStore, current: KeySet) -> None:
        self._store = store
        self.current = current

    async def reload(self, *, now: datetime) -> None:
        """Read the key set. Raises UnreadableKey or the database's error; the old set is then kept."""
        self.current = await self._store.load(now=now, held=self.current)


async def reload_periodically(ring: KeyRing, clock: Clock) -> None:
    """Reload every RELOAD_PERIOD, until cancelled. A failure is logged when it begins or changes."""
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
