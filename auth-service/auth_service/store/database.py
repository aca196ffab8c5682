"""The database: SQLite by default, PostgreSQL in production.

SQLite gets two engines. The writer has one connection, whose transactions begin IMMEDIATE (sqlite_writer.py). With more
connections, writers would starve each other into "database is locked"; a deferred transaction that becomes a write
could lose an update. The readers see the last commit, hold no lock and run on the event loop (inline_sqlite.py).

On both databases a read is a single statement. It runs without a transaction, which saves round trips.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import Engine, Executable, event, make_url, text
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from .conflicts import again_after_a_conflict
from .inline_sqlite import InlineSQLite, InlineStatements
from .inline_transactions import InlineTransactions
from .rows import only_row
from .slow_statements import tell_of_slow_statements
from .sqlite_writer import SQLiteWriter
from .together import Asked, Found, Refuse

if TYPE_CHECKING:
    from .prepared import PreparedStatements

P = ParamSpec("P")
T = TypeVar("T")

LOCK_TIMEOUT = timedelta(seconds=10)
STATEMENT_TIMEOUT = timedelta(seconds=15)
MAX_AGE = 1800  # seconds that a connection to PostgreSQL is used
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


class SchemaMismatch(Exception):
    """The database's schema is at another revision than this version needs."""


@dataclass(frozen=True)
class Database:
    writer: AsyncEngine
    reader: AsyncEngine
    frequent: "PreparedStatements | InlineStatements"
    together: "PreparedStatements | InlineTransactions"

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncSession]:
        """A session for single read statements; each sees what is committed when it runs."""
        async with AsyncSession(self.reader, expire_on_commit=False) as session:
            yield session

    async def find_rows(self, statement: Executable, parameters: Mapping[str, object]) -> Sequence[Sequence[Any]]:
        """The rows that a read statement returns, without SQLAlchemy's execution, for the most frequent queries.

        The statement is a constant of a module, whose values are all parameters.
        """
        return await self.frequent.find_rows(statement, parameters)

    async def find_row(self, statement: Executable, parameters: Mapping[str, object]) -> Sequence[Any] | None:
        """The one row that a read statement returns, or None."""
        return only_row(await self.find_rows(statement, parameters))

    async def change_row(self, statement: Executable, parameters: Mapping[str, object]) -> Sequence[Any] | None:
        """The one row that a statement changes and returns, or None: a transaction in one round trip.

        On PostgreSQL a single statement is a transaction; it saves the round trips of BEGIN and COMMIT.
        """
        if not isinstance(self.frequent, InlineStatements):
            return only_row(await self.frequent.find_rows(statement, parameters))
        return only_row((await self.transact_together({"row": Asked(statement, parameters)}))["row"])

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncSession]:
        """One transaction: committed at the end of the block, rolled back if the block raises."""
        async with AsyncSession(self.writer, expire_on_commit=False) as session, session.begin():
            yield session

    async def transact(
        self, work: Callable[Concatenate[AsyncSession, P], Awaitable[T]], *args: P.args, **named: P.kwargs
    ) -> T:
        """Run `work(session, ...)` in one transaction, and once more after a conflict (conflicts.py).

        It must have no effect outside of the database that may not happen twice.
        """

        async def run() -> T:
            async with self.writing() as session:
                return await work(session, *args, **named)

        return await again_after_a_conflict(run, work.__name__)

    async def transact_together(self, asked: Mapping[str, Asked], refuse: Refuse | None = None) -> Found:
        """The rows of statements that are one transaction (together.py). Raises what `refuse` returns.

        Without `refuse` no answer forbids anything, and on PostgreSQL it is one trip.
        """
        return await again_after_a_conflict(lambda: self.together.transact(asked, refuse), "together")

    async def require_revision(self, needed: str) -> None:
        """Raises SchemaMismatch unless the schema is at `needed`; the text says what to do."""
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
                return None  # The table does not exist yet.
        return revision

    async def close(self) -> None:
        self.frequent.close()
        await self.writer.dispose()
        await self.reader.dispose()


def open_database(url: str) -> Database:
    """The database at a SQLAlchemy URL, `sqlite+aiosqlite:` or `postgresql+psycopg:`. It connects at first use."""
    database = _open_engines(url)
    for engine in (database.writer, database.reader):
        tell_of_slow_statements(engine.sync_engine)
    return database


def _open_engines(url: str) -> Database:
    # hide_parameters: error texts are logged, and parameters hold e-mail addresses and hashes.
    common: dict[str, Any] = {"hide_parameters": True}
    # Not for SQLite's writer: its driver begins no transactions, so SQLAlchemy would skip its rollbacks as well.
    reads: dict[str, Any] = common | {"isolation_level": "AUTOCOMMIT", "skip_autocommit_rollback": True}
    if make_url(url).get_backend_name() == "sqlite":
        connect = {"timeout": LOCK_TIMEOUT.total_seconds()}
        wait = {"pool_timeout": POOL_TIMEOUT.total_seconds()}
        to_read, to_write = (make_url(url).set(drivername=f"sqlite+{of.driver}") for of in (InlineSQLite, SQLiteWriter))
        named: dict[str, Any] = {"connect_args": connect, "paramstyle": "named"}
        writer = create_async_engine(to_write, pool_size=1, max_overflow=0, **named, **wait, **common)
        reader = create_async_engine(to_read, **named, **reads)
        for engine in (writer, reader):
            _prepare_sqlite(engine.sync_engine)
        return Database(writer, reader, InlineStatements(reader), InlineTransactions(writer))
    from .prepared import PreparedStatements, has_ended

    milliseconds = int(STATEMENT_TIMEOUT.total_seconds() * 1000)
    options = f"-c statement_timeout={milliseconds} -c idle_in_transaction_session_timeout={milliseconds}"
    # Our statements expect this level: each one sees what others have committed while it waited for a lock.
    options += r" -c default_transaction_isolation=read\ committed"
    pool: dict[str, Any] = {
        "pool_size": 10,
        "max_overflow": 0,  # an overflow connection is closed after one use; opening it costs more than waiting
        "pool_timeout": POOL_TIMEOUT.total_seconds(),
        "pool_recycle": MAX_AGE,
        "connect_args": {"options": options, **REACHABILITY},
    }
    # Two pools, one in autocommit: switching one connection's mode would cost two calls at each use.
    reader = create_async_engine(url, **pool, **reads)
    writer = create_async_engine(url, **pool, **common)
    prepared = PreparedStatements(reader, max_age=MAX_AGE, patience=POOL_TIMEOUT.total_seconds())

    def refuse_if_ended(connection: Any, record: object, proxy: object) -> None:
        if has_ended(connection.driver_connection):
            raise DisconnectionError("the server has ended this connection")  # the pool opens a new one

    for engine in (writer, reader):
        event.listen(engine.sync_engine, "checkout", refuse_if_ended)
    return Database(writer, reader, prepared, prepared)


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, record: object) -> None:
        connection.isolation_level = None  # stops the driver from beginning transactions itself
        cursor = connection.cursor()
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()
