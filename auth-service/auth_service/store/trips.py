"""One trip to PostgreSQL: prepared statements that are sent together over a connection of psycopg, and their rows.

It speaks through psycopg's interface to libpq (`psycopg.pq`) and converts values by psycopg's adapters. A cursor of
psycopg takes twice as long as all of that: it makes its own adapters, and knows many ways to run a statement.
Not imported for SQLite, which has no psycopg.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg import AsyncConnection, Error, OperationalError, abc, adapt
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus, Format
from psycopg.pq.abc import PGconn, PGresult


@dataclass(frozen=True, slots=True)
class Sent:
    """A statement of a trip, and its values in the order of its parameters: $1, $2."""

    text: str
    values: Sequence[Any] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server has returned for a statement, in place of a cursor."""

    rows: Sequence[Sequence[Any]]
    description: Sequence[tuple[str, int]]  # of each column (PEP 249): its name and the OID of its type


BEGIN, COMMIT, ROLLBACK = Sent("BEGIN"), Sent("COMMIT"), Sent("ROLLBACK")


@dataclass(slots=True)
class Prepared:
    """A statement that this connection's server knows by its name."""

    name: bytes
    adapters: abc.Transformer
    description: Sequence[tuple[str, int]] | None = None  # known with the first answer

    def send(self, pgconn: PGconn, values: Sequence[Any]) -> None:
        """Put it into libpq's buffer. Values are text: then their types depend on no value; statements cast them."""
        dumped = self.adapters.dump_sequence(values, [adapt.PyFormat.TEXT] * len(values))
        pgconn.send_query_prepared(self.name, dumped, result_format=Format.BINARY)

    def read(self, result: PGresult) -> Answer:
        """The rows of libpq's result, converted."""
        self.adapters.set_pgresult(result, set_loaders=self.description is None)
        if self.description is None:
            encoding = self.adapters.encoding
            names = [(result.fname(column) or b"").decode(encoding) for column in range(result.nfields)]
            self.description = [(name, result.ftype(column)) for column, name in enumerate(names)]
        rows = self.adapters.load_rows(0, result.ntuples, tuple)
        self.adapters.set_pgresult(None, set_loaders=False)  # it holds no rows meanwhile
        return Answer(rows, self.description)


@dataclass(frozen=True, slots=True)
class Line:
    """A connection in autocommit, and the statements that were prepared on it."""

    driver: AsyncConnection[Any]
    opened_at: float  # by time.monotonic
    prepared: dict[str, Prepared] = field(default_factory=dict)

    async def trip(self, sent: Sequence[Sent]) -> Sequence[Answer]:
        """The answers to statements that are sent together. Outside of BEGIN and COMMIT they are one transaction.

        After an exception, also when it is cancelled, the connection must be closed.

        Raises:
            psycopg.Error: one has failed, and those after it did not run.
        """
        pgconn = self.driver.pgconn
        pgconn.enter_pipeline_mode()
        awaited: list[Prepared | None] = []  # whose result comes next; None: that of a preparation
        for each in sent:
            known = self.prepared.get(each.text)
            if known is None:
                known = self._prepare(pgconn, each.text)
                awaited.append(None)
            known.send(pgconn, each.values)
            awaited.append(known)
        pgconn.pipeline_sync()
        while pgconn.flush():
            await _wait(pgconn, to_write=True)
            pgconn.consume_input()
        results, error = await self._receive(pgconn)
        pgconn.exit_pipeline_mode()
        if error is not None:
            raise error
        return [of.read(result) for of, result in zip(awaited, results, strict=True) if of is not None]

    def _prepare(self, pgconn: PGconn, text: str) -> Prepared:
        """Put a Parse into libpq's buffer. Its result comes before the statement's."""
        name = f"auth_{len(self.prepared)}".encode()
        pgconn.send_prepare(name, text.encode())
        prepared = self.prepared[text] = Prepared(name, adapt.Transformer(self.driver))
        return prepared

    async def _receive(self, pgconn: PGconn) -> tuple[Sequence[PGresult], Error | None]:
        """The result of each command before the Sync, and the server's error about the first that failed."""
        results: list[PGresult] = []
        error: Error | None = None
        while True:
            while pgconn.is_busy():
                await _wait(pgconn)
                pgconn.consume_input()
            result = pgconn.get_result()
            if result is None:  # between the results of two commands
                if pgconn.status != ConnStatus.OK:
                    raise OperationalError("the connection is lost")
            elif result.status == ExecStatus.PIPELINE_SYNC:
                return results, error
            elif result.status in (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK):
                results.append(result)
            elif result.status != ExecStatus.PIPELINE_ABORTED:  # that is what follows the one that failed
                error = error_from_result(result, encoding=self.driver.info.encoding)


async def _wait(pgconn: PGconn, *, to_write: bool = False) -> None:
    """Wait until there is something to read, or also until there is room to write."""
    loop, descriptor = asyncio.get_running_loop(), pgconn.socket
    ready = loop.create_future()

    def wake() -> None:
        if not ready.done():
            ready.set_result(None)

    loop.add_reader(descriptor, wake)
    if to_write:
        loop.add_writer(descriptor, wake)
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)
        if to_write:
            loop.remove_writer(descriptor)
