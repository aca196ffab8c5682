"""A cache of all APIs, so that a token for a known API needs no database query."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ..oauth.audiences import Resources
from ..store.database import Database
from . import resources

MAX_AGE = timedelta(seconds=5)  # how long a changed or removed API may still be used as it was
# A request that names something unknown may be about an API that was registered a moment ago, so the registry is read
# again; at most so often, because anybody can name something unknown.
RETRY_AFTER = timedelta(seconds=1)


@dataclass
class ResourceCache:
    """For one event loop. `Resources` is replaced as a whole."""

    issuer: str
    database: Database
    _read: tuple[Resources, datetime] | None = field(default=None, repr=False)

    async def current(self, *, now: datetime) -> Resources:
        return await self._younger_than(MAX_AGE, now)

    async def naming(self, named: Iterable[str], scope: str | None, *, now: datetime) -> Resources:
        """The APIs, for a request that names these resources and this scope."""
        found = await self.current(now=now)
        known = all(map(found.knows, named)) and set((scope or "").split(" ")) <= {"", *found.scopes}
        return found if known else await self._younger_than(RETRY_AFTER, now)

    def forget(self) -> None:
        self._read = None

    async def _younger_than(self, age: timedelta, now: datetime) -> Resources:
        if self._read is not None and timedelta() <= now - self._read[1] < age:
            return self._read[0]
        async with self.database.reading() as session:
            found = await resources.load(session, self.issuer)
        self._read = found, now
        return found
