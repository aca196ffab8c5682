"""Statements that are sent together (together.py) on PostgreSQL. Not imported for SQLite, which has no psycopg."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from psycopg import AsyncPipeline

from .driver_statements import DriverStatements
from .together import Asked, Found, Refuse


class PipelinedStatements(DriverStatements):
    """Transactions on PostgreSQL whose statements are sent together. The engine's connections are in autocommit."""

    async def transact(self, asked: Mapping[str, Asked], refuse: Refuse) -> Found:
        """The rows of each statement. Raises what `refuse` returns, after everything was rolled back.

        Raises:
            sqlalchemy.exc.DBAPIError, sqlalchemy.exc.TimeoutError: as SQLAlchemy's own execution does.
        """
        compiled = {name: self.compile(each.of("postgresql")) for name, each in asked.items()}
        values = {name: compiled[name].bind(each.values) for name, each in asked.items()}

        async def run(driver: Any) -> tuple[Found, Exception | None]:
            async with OneTrip(driver):
                await driver.execute("BEGIN", prepare=True)
                cursors = {name: await send_one(driver, each.text, values[name]) for name, each in compiled.items()}
            read = {name: await cursor.fetchall() for name, cursor in cursors.items()}
            found = {name: each.convert(read[name], cursors[name]) for name, each in compiled.items()}
            refusal = refuse(found)
            await driver.execute("COMMIT" if refusal is None else "ROLLBACK", prepare=True)
            return found, refusal

        found, refusal = await self._send("; ".join(each.text for each in compiled.values()), run)
        if refusal is not None:
            raise refusal
        return found


async def send_one(driver: Any, text: str, values: Mapping[str, object]) -> Any:
    """Put a statement into the pipeline, and return its cursor, which has the rows when the pipeline has ended."""
    return await driver.execute(text, values, prepare=True, binary=True)


def _call_each(commands: Sequence[Callable[[], None]]) -> None:
    for command in commands:
        command()


class OneTrip(AsyncPipeline):
    """A pipeline that sends nothing before its end. psycopg's own sends each statement as soon as it is known.

    Sending takes longer than all else that is done here for a statement.
    """

    async def __aenter__(self) -> "OneTrip":
        await super().__aenter__()
        self._conn._pipeline = self
        return self

    async def __aexit__(self, *raised: Any) -> None:
        try:
            await super().__aexit__(*raised)
        finally:
            self._conn._pipeline = None

    def _exit_gen(self) -> Any:
        self._enqueue_sync()
        try:
            yield from self._communicate_gen()
        finally:
            yield from self._fetch_gen(flush=False)

    def _communicate_gen(self) -> Any:
        if self.result_queue and self.result_queue[-1] is None:  # the end: a Sync
            commands = [*self.command_queue]
            self.command_queue.clear()
            self.command_queue.append(lambda: _call_each(commands))
            yield from super()._communicate_gen()
