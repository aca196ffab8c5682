"""The database: SQLite by default, PostgreSQL in production.

Every transaction is opened for one owner. On PostgreSQL a setting of the transaction holds the owner, and row-level
security shows only this owner's rows, even to a statement that forgets to compare the owner (migration 0002).

A member of somebody else's list works with `for_member`: the owner is then the list's, and row-level security itself
looks up the membership, so that the member sees and changes only what the list is shared for (migration 0007).
"""

import json
import math
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Self

from sqlalchemy import Engine, Executable, event, make_url, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from .prepared import PreparedStatements, Row
from .slow_statements import tell_of_slow_statements

LOCK_TIMEOUT = timedelta(seconds=10)
STATEMENT_TIMEOUT = timedelta(seconds=15)
POOL_TIMEOUT = timedelta(seconds=5)  # waiting this long for a connection ends in 503
# If the network to the server is cut, TCP alone would wait for a quarter of an hour. The server's own timeouts cannot
# help: its errors do not arrive.
REACHABILITY = {
    "connect_timeout": 3,  # seconds
    "tcp_user_timeout": 8000,  # milliseconds
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 2,
}
_STEPS = 20_000  # of SQLite's virtual machine between two looks at the clock, a millisecond or so
ANYBODY = "*"  # as the owner in a member's transaction: all whose lists the member shares
# Differs whenever a transaction that has written has ended. Equal texts: the same rows are visible.
_MARKS = {"postgresql": "SELECT pg_current_snapshot()::text", "sqlite": "PRAGMA data_version"}
_REVISION = "SELECT version_num FROM alembic_version"
_BYPASSES = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"


class SchemaMismatch(Exception):
    """The database's schema is at another revision than this version needs."""


@dataclass(frozen=True, slots=True)
class Database:
    """Three engines; on PostgreSQL all are the same one.

    On SQLite the writer has a single connection: writers wait for it here, and do not starve each other into `database
    is locked`. Its transactions begin IMMEDIATE: a transaction that reads first and then writes would fail if another
    one has written in between. A writer's transaction ends STATEMENT_TIMEOUT after it began. The reader works on the
    event loop (inline_sqlite.py), so a block that reads may await nothing but its own statements. The scanner is for
    statements that may look at many rows: they run in threads, at most two at once, and end after STATEMENT_TIMEOUT.
    """

    reader: AsyncEngine
    writer: AsyncEngine
    scanner: AsyncEngine
    prepared: PreparedStatements | None = None  # on PostgreSQL
    on_commit: list[Callable[[str], None]] = field(default_factory=list, compare=False)  # each gets the owner
    member: str | None = None  # who works in the owner's lists; None: the owner
    invitation: str = ""  # hexadecimal hash of the invitation that the member holds

    def for_member(self, member: str, *, invitation: str = "") -> Self:
        """The same database for somebody who may be a member of the owner's lists, or holds an invitation."""
        return replace(self, member=member, invitation=invitation)

    @asynccontextmanager
    async def reading(self, owner: str) -> AsyncIterator[AsyncConnection]:
        """A connection for one read statement. The transaction and its owner end with the block."""
        async with self.reader.connect() as connection:
            await _begin(connection, self._whose(owner))
            yield connection

    async def find_rows(self, owner: str, statement: Executable, parameters: Mapping[str, object]) -> Sequence[Row]:
        """The rows of one read statement that lives as long as the process; on PostgreSQL in one round trip."""
        if self.prepared is not None:
            return await self.prepared.run(self._whose(owner), statement, parameters)
        async with self.reading(owner) as connection:
            return (await connection.execute(statement, parameters)).all()

    async def change_at_once(
        self, owner: str, statement: Executable, parameters: Mapping[str, object]
    ) -> Sequence[Row]:
        """Make a change that is one statement, which returns a row if it has changed something: in one round trip.

        On SQLite nothing is tried.
        """
        rows = () if self.prepared is None else await self.prepared.run(self._whose(owner), statement, parameters)
        if rows:
            for tell in self.on_commit:
                tell(owner)
        return rows

    @asynccontextmanager
    async def scanning(self, owner: str) -> AsyncIterator[AsyncConnection]:
        """A connection for read statements that may look at many rows. On SQLite they run in a thread."""
        async with self.scanner.connect() as connection:
            await _begin(connection, self._whose(owner))
            yield connection

    @asynccontextmanager
    async def writing(self, owner: str) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed at the end of the block, rolled back if the block raises."""
        async with self.writer.connect() as connection:
            await _begin(connection, self._whose(owner))
            yield connection
            await connection.commit()
        for tell in self.on_commit:
            tell(owner)

    @asynccontextmanager
    async def watching(self, owners: Sequence[str]) -> AsyncIterator[AsyncConnection]:
        """A connection for one read statement that sees the counters of all these owners, and nothing else."""
        async with self.reader.connect() as connection:
            await _begin(connection, {"todo.watching": json.dumps(owners)})
            yield connection

    async def mark(self) -> str:
        """A text that has changed if anybody has written since: also another process, and other tables."""
        async with self.reader.connect() as connection:
            return str((await connection.execute(text(_MARKS[connection.dialect.name]))).scalar_one())

    @asynccontextmanager
    async def purging(self, before: datetime) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees only the rows of all owners that were deleted, or expired, `before` that time."""
        async with self.writer.connect() as connection:
            await _begin(connection, {"todo.purge_before": before.isoformat()})
            yield connection
            await connection.commit()

    def _whose(self, owner: str) -> dict[str, str]:
        if self.member is None:
            return {"todo.owner": owner}
        return {"todo.member": self.member, "todo.shared_by": owner, "todo.invitation": self.invitation}

    async def bypasses_row_level_security(self) -> bool:
        """Whether row-level security does not apply to this role: a superuser, or a role with BYPASSRLS."""
        if self.writer.dialect.name != "postgresql":
            return False
        async with self.writer.connect() as connection:
            return bool((await connection.execute(text(_BYPASSES))).scalar_one())

    async def require_revision(self, needed: str) -> None:
        """Raises SchemaMismatch unless the schema is at `needed`."""
        revision = await self.revision()
        if revision != needed:
            raise SchemaMismatch(f"the database is at {revision or 'nothing'}, not at {needed}")

    async def revision(self) -> str | None:
        """The schema's Alembic revision, or None before the first migration."""
        async with self.reader.connect() as connection:
            try:
                revision: str | None = (await connection.execute(text(_REVISION))).scalar_one_or_none()
            except DatabaseError as error:
                if getattr(error, "connection_invalidated", False) or not _is_missing_table(error):
                    raise
                return None
        return revision

    async def close(self) -> None:
        for engine in {self.reader, self.writer, self.scanner}:
            await engine.dispose()


async def _begin(connection: AsyncConnection, settings: Mapping[str, str]) -> None:
    """Begin the transaction with the settings, in one round trip. Nothing to do on SQLite, which has no policies."""
    if connection.dialect.name == "postgresql":
        from .postgres import beginning  # psycopg takes 8 MB, which are not needed with SQLite

        await connection.exec_driver_sql(beginning(settings), execution_options={"no_parameters": True})


def open_database(url: str) -> Database:
    """The database at a SQLAlchemy URL, `sqlite+aiosqlite:` or `postgresql+psycopg:`. It connects at first use."""
    database = _open_engines(url)
    for engine in {database.reader, database.writer, database.scanner}:
        tell_of_slow_statements(engine.sync_engine)
    return database


def _open_engines(url: str) -> Database:
    # hide_parameters: error texts go to the terminal, and parameters hold what people typed.
    common: dict[str, Any] = {"hide_parameters": True, "pool_timeout": POOL_TIMEOUT.total_seconds()}
    if make_url(url).get_backend_name() == "sqlite":
        return _open_sqlite(url, common)
    from .postgres import open_engine  # as above

    engine = open_engine(url, STATEMENT_TIMEOUT, REACHABILITY, common)
    return Database(engine, engine, engine, PreparedStatements(engine))


def _open_sqlite(url: str, common: dict[str, Any]) -> Database:
    from .inline_sqlite import InlineSQLite  # takes a megabyte, which is not needed with PostgreSQL

    connect = {"timeout": LOCK_TIMEOUT.total_seconds()}
    writer = create_async_engine(url, pool_size=1, max_overflow=0, connect_args=connect, **common)
    scanner = create_async_engine(
        url,
        pool_size=2,
        max_overflow=0,
        connect_args=connect,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        **common,
    )
    # A read is a single statement, so it needs no transaction. All readers share one connection: a cancelled read would
    # leave its open transaction to the next one.
    reader = create_async_engine(
        make_url(url).set(drivername=f"sqlite+{InlineSQLite.driver}"),
        connect_args=connect,
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
        hide_parameters=True,
    )
    for engine in (writer, reader, scanner):
        _prepare_sqlite(engine.sync_engine)
    _begin_immediate(writer.sync_engine)
    _end_after_the_timeout(scanner.sync_engine)
    _end_transactions_after_the_timeout(writer.sync_engine)
    return Database(reader, writer, scanner)


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, record: object) -> None:
        connection.isolation_level = None  # otherwise the driver itself begins transactions, and never IMMEDIATE
        cursor = connection.cursor()
        # FULL: an answered change survives a power cut, above all the erasure of an account's todos.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()


def _begin_immediate(engine: Engine) -> None:
    @event.listens_for(engine, "begin")
    def on_begin(connection: Any) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _end_after_the_timeout(engine: Engine) -> None:
    """End SQLite's statements after STATEMENT_TIMEOUT from the check-out of their connection, as PostgreSQL does."""
    _watch_the_deadline(engine)

    @event.listens_for(engine, "checkout")
    def on_checkout(connection: Any, record: Any, proxy: object) -> None:
        record.info["deadline"] = time.monotonic() + STATEMENT_TIMEOUT.total_seconds()


def _end_transactions_after_the_timeout(engine: Engine) -> None:
    """End SQLite's only writer STATEMENT_TIMEOUT after it has the lock: all other writers wait for it."""
    _watch_the_deadline(engine)

    @event.listens_for(engine, "begin")
    def on_begin(connection: Any) -> None:  # after BEGIN IMMEDIATE, whose listener was registered first
        connection.info["deadline"] = time.monotonic() + STATEMENT_TIMEOUT.total_seconds()

    @event.listens_for(engine, "checkout")
    def on_checkout(connection: Any, record: Any, proxy: object) -> None:
        record.info.pop("deadline", None)

    @event.listens_for(engine, "commit")
    @event.listens_for(engine, "rollback")
    def on_end(connection: Any) -> None:
        connection.info.pop("deadline", None)


def _watch_the_deadline(engine: Engine) -> None:
    """Interrupt the statements of a connection after the time at which its `deadline` is over."""

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, record: Any) -> None:
        def is_over() -> bool:
            return bool(time.monotonic() > record.info.get("deadline", math.inf))

        connection.run_async(lambda driver: driver.set_progress_handler(is_over, _STEPS))


def _is_missing_table(error: DatabaseError) -> bool:
    return getattr(error.orig, "sqlstate", None) == "42P01" or "no such table" in str(error.orig)
