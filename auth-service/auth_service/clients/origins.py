"""The origins of clients' pages, taken from their redirect_uris. Their scripts may read our responses (CORS)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, bindparam, delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..network.trusted_origins import parse_origin
from ..store.database import Database
from ..store.rows import Row


class ClientOrigin(Row):
    __tablename__ = "client_origins"

    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id", ondelete="CASCADE"), primary_key=True)
    origin: Mapped[str] = mapped_column(String(2048), primary_key=True, index=True)


def origins_of(redirect_uris: Iterable[str]) -> set[str]:
    return {origin for origin in map(parse_origin, redirect_uris) if origin is not None}


async def replace(session: AsyncSession, client_id: str, redirect_uris: Iterable[str]) -> None:
    await session.execute(delete(ClientOrigin).where(ClientOrigin.client_id == client_id))
    session.add_all(ClientOrigin(client_id=client_id, origin=origin) for origin in sorted(origins_of(redirect_uris)))


_FIND = select(ClientOrigin.origin).where(ClientOrigin.origin == bindparam("origin")).limit(1)
MAX_AGE = timedelta(seconds=5)  # how long a deleted client's origin may still read responses
CAPACITY = 1000  # origins


@dataclass(frozen=True)
class ClientOrigins:
    """A cache of origins. For one event loop. Unknown origins are not cached, so that a new client works at once."""

    database: Database
    _read: dict[str, datetime] = field(default_factory=dict)

    async def knows(self, origin: str, *, now: datetime) -> bool:
        """Whether the value of an `Origin` header belongs to any client."""
        read_at = self._read.get(origin)
        if read_at is not None and timedelta() <= now - read_at < MAX_AGE:
            return True
        self._read.pop(origin, None)
        if parse_origin(origin) != origin or await self.database.find_row(_FIND, {"origin": origin}) is None:
            return False
        if len(self._read) >= CAPACITY:
            del self._read[next(iter(self._read))]  # the oldest
        self._read[origin] = now
        return True
