"""Used assertions of clients, and used DPoP proofs: each is accepted once, by all processes together.

A process writes those of one moment together: a transaction of several costs little more than one of one, and while
one is committed, the next ones gather. Each request waits for the commit of its own.
"""

import asyncio
from collections.abc import Collection
from contextvars import Context
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import String, bindparam, exc
from sqlalchemy.orm import Mapped, mapped_column

from ..store.database import POOL_TIMEOUT, Database
from ..store.instants import Instant
from ..store.rows import Expiry, Row
from ..store.together import Asked, PerDatabase

MOST = 100  # in one transaction


class UsedAssertion(Row):
    """A used assertion of a client, or a used DPoP proof (tokens/dpop_proofs.py), remembered until it expires."""

    __tablename__ = "used_assertions"
    __expiry__ = Expiry()

    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(Instant, index=True)


def _marking(insert: Any) -> Any:
    marked = insert(UsedAssertion).values(key=bindparam("key"), expires_at=bindparam("expires_at", type_=Instant))
    return marked.on_conflict_do_nothing(index_elements=[UsedAssertion.key]).returning(UsedAssertion.key)


_MARK = PerDatabase(_marking)


@dataclass
class UsedAssertions:
    """Spends assertions and proofs, for one event loop."""

    database: Database
    _gathered: dict[str, datetime] = field(default_factory=dict)  # to be written next, by key: when it expires
    _written: asyncio.Task[Collection[str]] | None = None  # writes what is gathered; its result is that of `_write`
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def spend(self, key: str, *, expires_at: datetime) -> bool:
        """Mark an assertion used. One conditional INSERT decides, so of simultaneous uses at most one returns True.

        Args:
            key: the hash of what names it: whose it is, and its `jti`.

        Raises:
            sqlalchemy.exc.DBAPIError, sqlalchemy.exc.TimeoutError: nothing of this moment was written.
        """
        if key in self._gathered:  # the first use waits to be written
            return False
        if self._written is None or len(self._gathered) == MOST:
            self._gathered = {}
            # In a context of its own: it belongs to no request.
            self._written = asyncio.create_task(self._write(self._gathered), context=Context())
        self._gathered[key] = expires_at
        return key in await asyncio.shield(self._written)  # the others' uses are written although this one is cancelled

    async def _write(self, gathered: dict[str, datetime]) -> Collection[str]:
        """Write what has gathered, when the last transaction has ended. Returns the keys that were not there before."""
        try:
            async with asyncio.timeout(POOL_TIMEOUT.total_seconds()):
                await self._turn.acquire()
        except TimeoutError:  # while the database fails, those that wait do not add up
            raise exc.TimeoutError("the uses before were not written in time") from None
        finally:
            if self._gathered is gathered:  # later ones gather in another one
                self._gathered, self._written = {}, None
        try:
            # Sorted, so that no two processes wait for each other.
            marks = {key: Asked(_MARK, {"key": key, "expires_at": gathered[key]}) for key in sorted(gathered)}
            found = await self.database.transact_together(marks)
        finally:
            self._turn.release()
        return [key for key, rows in found.items() if rows]
