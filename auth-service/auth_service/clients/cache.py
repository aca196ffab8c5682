"""A cache of clients, so that a token for a known client needs no database query."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ..store.database import Database
from . import clients
from .clients import Client

MAX_AGE = timedelta(seconds=5)  # how long a deleted client, replaced secret or old metadata may still be used
CAPACITY = 1000  # clients


@dataclass(frozen=True)
class ClientCache:
    """For one event loop. Unknown ids are not cached, so that a new client works at once."""

    database: Database
    _read: dict[str, tuple[Client, datetime]] = field(default_factory=dict)

    async def find(self, client_id: str, *, now: datetime) -> Client | None:
        known = self._read.get(client_id)
        if known is not None and timedelta() <= now - known[1] < MAX_AGE:
            return known[0]
        async with self.database.reading() as session:
            client = await clients.find(session, client_id)
        self._read.pop(client_id, None)
        if client is not None:
            if len(self._read) >= CAPACITY:
                del self._read[next(iter(self._read))]  # the oldest
            self._read[client_id] = client, now
        return client

    def forget(self) -> None:
        self._read.clear()
