"""Where rows live: PostgreSQL in earnest, SQLite as the embedded default.

SQLite gets two engines. Its writer has one connection whose transactions begin IMMEDIATE: with more, writers starve
each other into "database is locked", and a deferred transaction that turns into a write can lose an update. Its readers
see the last commit and hold no lock; they run on the event loop (inline_sqlite.py). Reads are single statements on
either database, so they run without a transaction around them and spare its round trips.
"""

import select
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, Executable, event, make_url, text
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from .inline_sqlite import InlineSQLite
from .slow_statements import tell_of_slow_statements

LOCK_TIMEOUT = timedelta(seconds=10)
STATEMENT_TIMEOUT = timedelta(seconds=15)
POOL_TIMEOUT = timedelta(seconds=5)  # until somebody who waits for a connection is told to come again
# A server that is cut off says nothing, and TCP alone would wait for a quarter of an hour. The server's own timeouts do
# not help: it is there, and has long given up.
REACHABILITY = {
    "connect_timeout": 3,  # seconds
    "tcp_user_timeout": 8000,  # milliseconds
    "keepalives_idle": 4,
    "keepalives_interval": 2,
    "keepalives_count": 2,
}


class SchemaMismatch(Exception):
    """The database's schema is not the one that this version reads and writes."""


@dataclass(frozen=True)
class Database:
    writer: AsyncEngine
    reader: AsyncEngine

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session for single statements that change nothing; each sees what is committed by then."""
        async with async_sessionmaker(self.reader, expire_on_commit=False)() as session:
            yield session

    async def find_row(self, statement: Executable, parameters: Mapping[str, object]) -> Sequence[Any] | None:
        """The one row of a statement that changes nothing, or None: a read without the ORM's bookkeeping.

        For the hottest paths. SQLite's reader waits for nothing, so there is nothing to switch to meanwhile.
        """
        if self.reader.dialect.driver == InlineSQLite.driver:
            with self.reader.sync_engine.connect() as connection:
                return connection.execute(statement, parameters).one_or_none()
        async with self.reader.connect() as awaited:
            return (await awaited.execute(statement, parameters)).one_or_none()

    async def change_row(self, statement: Executable, parameters: Mapping[str, object]) -> Sequence[Any] | None:
        """The one row that a statement changes and returns, or None: a whole transaction in one round trip.

        On PostgreSQL a statement on its own is a transaction, and saves those of a BEGIN and a COMMIT.
        """
        if self.writer.dialect.name == "sqlite":
            async with self.writer.begin() as transaction:
                return (await transaction.execute(statement, parameters)).one_or_none()
        async with self.reader.connect() as connection:
            return (await connection.execute(statement, parameters)).one_or_none()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """One transaction: committed at the end of the block, rolled back when an exception leaves it."""
        async with async_sessionmaker(self.writer, expire_on_commit=False)() as session, session.begin():
            yield session

    async def require_revision(self, needed: str) -> None:
        """Raises SchemaMismatch, whose text says what to do."""
        revision = await self.revision()
        if revision != needed:
            raise SchemaMismatch(
                f"the schema is at {revision or 'nothing'}, not at {needed}: run the migrate command first"
            )

    async def revision(self) -> str | None:
        """The schema's Alembic revision, or None before the first migration."""
        async with self.reading() as session:
            try:
                revision: str | None = await session.scalar(text("SELECT version_num FROM alembic_version"))
            except DBAPIError as error:
                is_sqlite = session.get_bind().dialect.name == "sqlite"
                if type(error).__name__ != ("OperationalError" if is_sqlite else "ProgrammingError"):
                    raise
                return None  # There is no such table yet.
        return revision

    async def close(self) -> None:
        await self.writer.dispose()
        await self.reader.dispose()


def open_database(url: str) -> Database:
    """Engines for a SQLAlchemy URL, `sqlite+aiosqlite:` or `postgresql+psycopg:`. Connects at first use."""
    database = _open_engines(url)
    for engine in (database.writer, database.reader):
        tell_of_slow_statements(engine.sync_engine)
    return database


def _open_engines(url: str) -> Database:
    # hide_parameters: an error's text goes to the log, and parameters hold addresses and hashes.
    common: dict[str, Any] = {"hide_parameters": True}
    # Not for SQLite's writer: the driver begins no transactions there, which SQLAlchemy would take for autocommit.
    reads: dict[str, Any] = common | {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}
    if make_url(url).get_backend_name() == "sqlite":
        connect = {"timeout": LOCK_TIMEOUT.total_seconds()}
        writer = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=30, connect_args=connect, **common)
        reader = create_async_engine(
            make_url(url).set(drivername=f"sqlite+{InlineSQLite.driver}"),
            connect_args=connect,
            **reads,
        )
        _prepare_sqlite(writer.sync_engine, begin="BEGIN IMMEDIATE")
        _prepare_sqlite(reader.sync_engine, begin=None)
        return Database(writer, reader)
    milliseconds = int(STATEMENT_TIMEOUT.total_seconds() * 1000)
    options = f"-c statement_timeout={milliseconds} -c idle_in_transaction_session_timeout={milliseconds}"
    pool: dict[str, Any] = {
        "pool_size": 10,
        "max_overflow": 0,  # what overflows is closed after one use, and opening one costs more than waiting for one
        "pool_timeout": POOL_TIMEOUT.total_seconds(),
        "pool_recycle": 1800,  # seconds
        "connect_args": {"options": options, **REACHABILITY},
    }
    # Two pools: a connection that changed between transactions and none would be told so twice at each use.
    database = Database(create_async_engine(url, **pool, **common), create_async_engine(url, **pool, **reads))
    for engine in (database.writer, database.reader):
        event.listen(engine.sync_engine, "checkout", _refuse_if_over)
    return database


def _refuse_if_over(connection: Any, record: object, proxy: object) -> None:
    """Before a connection is used: a server that ended has said so, and to an idle connection it says nothing else.

    Without a round trip, unlike a ping; whoever comes first after a restart is spared the error.
    """
    poll = select.poll()
    poll.register(connection.driver_connection.pgconn.socket, select.POLLIN)
    if poll.poll(0):
        raise DisconnectionError("the server has ended this connection")  # the pool then opens another one


def _prepare_sqlite(engine: Engine, *, begin: str | None) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, record: object) -> None:
        connection.isolation_level = None  # the driver begins no transaction behind our back
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    if begin is not None:

        @event.listens_for(engine, "begin")
        def on_begin(connection: Any) -> None:
            connection.exec_driver_sql(begin)
