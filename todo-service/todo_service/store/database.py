"""Two databases behind one pair of engines: SQLite as the embedded default, PostgreSQL in earnest.

Whoever reads or writes says for whom. On PostgreSQL that is told to the database as well, for this transaction only,
and its row-level security shows no other rows, whatever the statements forget (migration 0002).
"""

import select
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.sql import SQL, Literal
from sqlalchemy import URL, Connection, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DatabaseError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from .slow_statements import tell_of_slow_statements

_BUSY_TIMEOUT = 5000  # milliseconds
_POOL_TIMEOUT = 5  # seconds until somebody who waits for a connection is told to come again
_TIMEOUTS = "-c timezone=UTC -c statement_timeout=10000 -c idle_in_transaction_session_timeout=10000"
# A server that is cut off says nothing, and TCP alone would wait for a quarter of an hour.
_REACHABILITY = {
    "connect_timeout": 3,  # seconds
    "tcp_user_timeout": 8000,  # milliseconds
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 2,
}
_BEGIN = SQL("BEGIN; SELECT set_config({}, {}, true)")  # true: until the transaction ends, not a moment longer
_REVISION = "SELECT version_num FROM alembic_version"
_BYPASSES = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"


class SchemaMismatch(Exception):
    """The database's schema is not the one that this version reads and writes."""


@dataclass(frozen=True, slots=True)
class Database:
    """`reading(owner)` for what only reads, `writing(owner)` for what changes.

    On PostgreSQL the engines are one. On SQLite the writer has a single connection, so that writers queue here rather
    than starve each other into `database is locked`, and its transactions begin IMMEDIATE: one that begins by reading
    and then writes would fail as soon as another has written in between. Its reader works on the event loop, so
    nothing but its own answers may be awaited while it is open.
    """

    reader: AsyncEngine
    writer: AsyncEngine

    @asynccontextmanager
    async def reading(self, owner: str) -> AsyncIterator[AsyncConnection]:
        """One snapshot of one statement; the transaction ends with the block, and with it the owner's setting."""
        async with self.reader.connect() as connection:
            await _begin(connection, "todo.owner", owner)
            yield connection

    @asynccontextmanager
    async def writing(self, owner: str) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed at the end of the block, rolled back when an exception leaves it."""
        async with self.writer.connect() as connection:
            await _begin(connection, "todo.owner", owner)
            yield connection
            await connection.commit()

    @asynccontextmanager
    async def purging(self, before: datetime) -> AsyncIterator[AsyncConnection]:
        """A transaction that sees, of all owners, what had to be gone `before` then, and nothing else."""
        async with self.writer.connect() as connection:
            await _begin(connection, "todo.purge_before", before.isoformat())
            yield connection
            await connection.commit()

    async def bypasses_row_level_security(self) -> bool:
        """Whether the database does not hold this role to the owner's rows: a superuser, or BYPASSRLS."""
        if self.writer.dialect.name != "postgresql":
            return False
        async with self.writer.connect() as connection:
            return bool((await connection.execute(text(_BYPASSES))).scalar_one())

    async def require_revision(self, needed: str) -> None:
        """Raises SchemaMismatch."""
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

    async def dispose(self) -> None:
        await self.reader.dispose()
        await self.writer.dispose()


async def _begin(connection: AsyncConnection, setting: str, value: str) -> None:
    """Begin and set in one round trip. SQLite has neither settings nor policies, and begins by itself."""
    if connection.dialect.name == "postgresql":
        statement = _BEGIN.format(Literal(setting), Literal(value)).as_string()
        await connection.exec_driver_sql(statement, execution_options={"no_parameters": True})


def connect(database_url: str) -> Database:
    database = _connect(database_url)
    for engine in {database.reader, database.writer}:
        tell_of_slow_statements(engine.sync_engine)
    return database


def _connect(database_url: str) -> Database:
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        from . import inline_sqlite  # a megabyte, which PostgreSQL has no use for

        inline_sqlite.register()
        # A read is one statement: without a transaction around it, one that is broken off leaves none behind for the
        # next reader of the one connection.
        reader = _sqlite(
            url.set(drivername="sqlite+inline"), None, isolation_level="AUTOCOMMIT", skip_autocommit_rollback=True
        )
        event.listen(reader.sync_engine, "connect", _add_functions)
        writer = _sqlite(url, "BEGIN IMMEDIATE", pool_size=1, max_overflow=0, pool_timeout=_POOL_TIMEOUT)
        return Database(reader, writer)
    # AUTOCOMMIT: `_begin` begins, so that it takes no round trip of its own.
    engine = create_async_engine(
        url,
        hide_parameters=True,
        pool_timeout=_POOL_TIMEOUT,
        pool_size=10,
        max_overflow=10,
        isolation_level="AUTOCOMMIT",
        connect_args={"options": _TIMEOUTS, **_REACHABILITY},
    )
    event.listen(engine.sync_engine, "checkout", _refuse_if_over)
    return Database(engine, engine)


def _refuse_if_over(connection: Any, _record: object, _proxy: object) -> None:
    """Before a connection is used: a server that ended has said so, and to an idle connection it says nothing else.

    Without a round trip, unlike a ping; whoever comes first after a restart is spared the error.
    """
    poll = select.poll()
    poll.register(connection.driver_connection.pgconn.socket, select.POLLIN)
    if poll.poll(0):
        raise DisconnectionError("the server has ended this connection")  # the pool then opens another one


def _sqlite(url: URL, begin: str | None, **options: Any) -> AsyncEngine:
    engine = create_async_engine(url, hide_parameters=True, **options)

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: DBAPIConnection, _record: object) -> None:
        connection.isolation_level = None  # or the driver begins transactions itself, and never IMMEDIATE
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.close()

    if begin is not None:

        @event.listens_for(engine.sync_engine, "begin")
        def begin_transaction(connection: Connection) -> None:
            connection.exec_driver_sql(begin)

    return engine


def _add_functions(connection: Any, _record: object) -> None:
    """SQLite's own `lower` knows ASCII only."""
    connection.create_function("lower", 1, _lower, deterministic=True)


def _lower(value: str | None) -> str | None:
    return None if value is None else value.lower()


def _is_missing_table(error: DatabaseError) -> bool:
    return getattr(error.orig, "sqlstate", None) == "42P01" or "no such table" in str(error.orig)
