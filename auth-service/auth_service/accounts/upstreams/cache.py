"""A cache of all upstream providers, so that a sign-in page needs no database query."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ...oauth.upstreams import Upstream
from ...store.database import Database
from . import providers
from .providers import Registered

MAX_AGE = timedelta(seconds=5)  # how long a changed or removed provider may still be used as it was


@dataclass
class UpstreamCache:
    """For one event loop."""

    database: Database
    _read: tuple[Sequence[Registered], datetime] | None = field(default=None, repr=False)

    async def current(self, *, now: datetime) -> Sequence[Registered]:
        if self._read is not None and timedelta() <= now - self._read[1] < MAX_AGE:
            return self._read[0]
        async with self.database.reading() as session:
            found = await providers.load(session)
        self._read = found, now
        return found

    async def offered(self, *, now: datetime) -> list[Upstream]:
        """The providers, in the order of their buttons."""
        return [each.upstream for each in await self.current(now=now)]

    async def find(self, upstream_id: str, *, now: datetime) -> Registered | None:
        return next((each for each in await self.current(now=now) if each.upstream.id == upstream_id), None)

    def forget(self) -> None:
        self._read = None
