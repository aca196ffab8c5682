"""Statements of one transaction that are sent together: on PostgreSQL in one trip, and its end in a second one.

The server runs them one after the other, as if each had been sent alone (PostgreSQL, "Pipeline Mode"): each sees what
others committed while the one before it waited for a lock, and locks are taken in the order of the statements. But none
can use what another one returns. So the caller asks for all that it may need, and looks at the answers before the
transaction ends.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from psycopg import AsyncPipeline
from sqlalchemy import Executable
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from .driver_statements import DriverStatements

Rows: TypeAlias = Sequence[Sequence[Any]]
Found: TypeAlias = Mapping[str, Rows]
Refuse: TypeAlias = Callable[[Found], Exception | None]  # what the answers forbid; None: the transaction is committed


@dataclass(frozen=True, slots=True)
class Asked:
    """A statement, which lives as long as the process and returns rows, and its values, which are all parameters."""

    statement: Executable | Mapping[str, Executable]  # one for both databases, or one for each: see `in_both`
    values: Mapping[str, object]

    def of(self, database: str) -> Executable:
        return self.statement[database] if isinstance(self.statement, Mapping) else self.statement


def in_both(build: Callable[[Any], Executable]) -> Mapping[str, Executable]:
    """A statement for each database, made with its kind of INSERT, which supports ON CONFLICT."""
    return {"sqlite": build(sqlite.insert), "postgresql": build(postgresql.insert)}


async def send(session: AsyncSession, asked: Mapping[str, Asked]) -> Found:
    """The rows that each statement returns, one after the other, in the transaction of a session."""
    return await session.run_sync(_run, asked)


async def run_in_turn(session: AsyncSession, asked: Mapping[str, Asked], refuse: Refuse) -> Found:
    """The same as a whole transaction. Raises what `refuse` returns."""
    found = await send(session, asked)
    if refusal := refuse(found):
        raise refusal
    return found


def _run(session: Session, asked: Mapping[str, Asked]) -> Found:
    connection, database = session.connection(), session.get_bind().dialect.name
    return {name: connection.execute(each.of(database), each.values).all() for name, each in asked.items()}


class Together(DriverStatements):
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
