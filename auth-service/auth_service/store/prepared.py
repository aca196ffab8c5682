"""The most frequent statements, on PostgreSQL: compiled once, prepared by the server, sent together where possible.

Not imported for SQLite, which has no psycopg.
"""

import asyncio
import select
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import Executable, exc
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import PoolProxiedConnection

from .driver_statements import Compiled, DriverStatements
from .together import Asked, Found, Refuse
from .trips import BEGIN, COMMIT, ROLLBACK, Answer, Line, Sent

MOST = 6  # connections of the pool that are taken here; the others are left to SQLAlchemy's statements
MOST_TRANSACTIONS = 4  # at once: they may wait for a row's lock, and reads go on meanwhile
CANCEL_TIMEOUT = 5.0  # seconds


class PreparedStatements(DriverStatements):
    """Runs statements that are constants of modules. The engine's connections are in autocommit.

    Up to MOST connections are kept here, the last used one first: to take one from SQLAlchemy's pool and give it back
    costs more than a trip to the server.
    """

    def __init__(self, engine: AsyncEngine, *, max_age: float, patience: float) -> None:
        """Connections go back to the pool after `max_age` seconds; it closes those that are too old.

        A statement waits `patience` seconds for a connection.
        """
        dialect: Any = engine.sync_engine.dialect
        super().__init__(engine, type(dialect)(dbapi=dialect.dbapi, paramstyle="numeric_dollar"))
        self._places, self._transactions = _Places(MOST, patience), _Places(MOST_TRANSACTIONS, patience)
        self._max_age = max_age
        self._idle: list[PoolProxiedConnection] = []
        self._lines: dict[Any, Line] = {}  # by the driver's connection

    @property
    def idle(self) -> int:
        """How many of the pool's connections are kept here, unused."""
        return len(self._idle)

    async def find_rows(self, statement: Executable, parameters: Mapping[str, object]) -> Sequence[Sequence[Any]]:
        """The rows that the statement returns. It is a transaction of its own.

        Raises:
            sqlalchemy.exc.DBAPIError, sqlalchemy.exc.TimeoutError: as SQLAlchemy's own execution does.
        """
        compiled = self.compile(statement)
        sent = Sent(compiled.text, compiled.bind_in_order(parameters))

        async def send(driver: Any) -> Answer:
            [answer] = await self._line(driver).trip([sent])
            return answer

        async with self._places:
            answer = await self._send(compiled.text, send)
        return compiled.convert(answer.rows, answer)

    async def transact(self, asked: Mapping[str, Asked], refuse: Refuse | None) -> Found:
        """The rows of statements that are one transaction. Raises what `refuse` returns, after it was rolled back.

        Raises:
            sqlalchemy.exc.DBAPIError, sqlalchemy.exc.TimeoutError: as SQLAlchemy's own execution does.
        """
        compiled = {name: self.compile(each.of("postgresql")) for name, each in asked.items()}
        sent = [Sent(compiled[name].text, compiled[name].bind_in_order(each.values)) for name, each in asked.items()]

        async def send(driver: Any) -> tuple[Found, Exception | None]:
            line = self._line(driver)
            if refuse is None:
                return _found(compiled, await line.trip(sent)), None
            _, *answers = await send_together(line, [BEGIN, *sent])
            found = _found(compiled, answers)
            refusal = refuse(found)
            await line.trip([COMMIT if refusal is None else ROLLBACK])
            return found, refusal

        async with self._transactions, self._places:
            found, refusal = await self._send("; ".join(each.text for each in compiled.values()), send)
        if refusal is not None:
            raise refusal
        return found

    def close(self) -> None:
        """Give all idle connections back to the pool."""
        while self._idle:
            self._idle.pop().close()

    async def _connection(self, text: str) -> PoolProxiedConnection:
        while self._idle:
            pooled = self._idle.pop()
            if has_ended(pooled.driver_connection):
                await self._give_up(pooled)
            elif time.monotonic() - self._line(pooled.driver_connection).opened_at > self._max_age:
                pooled.close()
            else:
                return pooled
        return await super()._connection(text)

    def _line(self, driver: Any) -> Line:
        """What was prepared on this connection. It is kept until the connection is closed."""
        line = self._lines.get(driver)
        if line is None:
            self._lines = {open_: known for open_, known in self._lines.items() if not open_.closed}
            line = self._lines[driver] = Line(driver, opened_at=time.monotonic())
        return line

    def _give_back(self, pooled: PoolProxiedConnection) -> None:
        self._idle.append(pooled)

    async def _give_up(self, pooled: PoolProxiedConnection) -> None:
        """Close it, and end a statement that it still waits for: the server would not notice before its end."""
        await asyncio.shield(asyncio.ensure_future(self._cancel(pooled)))

    async def _cancel(self, pooled: PoolProxiedConnection) -> None:
        driver: Any = pooled.driver_connection
        if driver.pgconn.transaction_status == TransactionStatus.ACTIVE:
            with suppress(psycopg.Error):
                await driver.cancel_safe(timeout=CANCEL_TIMEOUT)
        await super()._give_up(pooled)


class _Places(asyncio.Semaphore):
    def __init__(self, most: int, patience: float) -> None:
        super().__init__(most)
        self._patience = patience

    async def acquire(self) -> Literal[True]:
        if not self.locked():
            return await super().acquire()
        try:
            async with asyncio.timeout(self._patience):
                return await super().acquire()
        except TimeoutError:
            raise exc.TimeoutError(f"no connection was free for {self._patience} s") from None


async def send_together(line: Line, sent: Sequence[Sent]) -> Sequence[Answer]:
    """The answers to the statements of a transaction, in one trip. Tests replace it by many trips, to look between."""
    return await line.trip(sent)


def has_ended(driver: Any) -> bool:
    """Whether an idle connection has something to read: only the server's goodbye can be there.

    So the first request after a restart of the server does not fail. Unlike a ping, this needs no round trip.
    """
    poll = select.poll()
    poll.register(driver.pgconn.socket, select.POLLIN)
    return bool(poll.poll(0))


def _found(compiled: Mapping[str, Compiled], answers: Sequence[Answer]) -> Found:
    of_each = zip(compiled.items(), answers, strict=True)
    return {name: each.convert(answer.rows, answer) for (name, each), answer in of_each}
