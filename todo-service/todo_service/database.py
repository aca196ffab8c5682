"""Two databases behind one pair of engines: SQLite as the embedded default, PostgreSQL in earnest."""

from dataclasses import dataclass

from sqlalchemy import URL, Connection, event, make_url, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DatabaseError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

HEAD = "0001"  # the newest migration; known here so that serving does not import Alembic
_BUSY_TIMEOUT = 5000  # milliseconds


class SchemaNotAtHead(Exception):
    """The tables are not those that this version works with."""


@dataclass(frozen=True, slots=True)
class Database:
    """`reader.connect()` for what only reads, `writer.begin()` for what changes.

    On PostgreSQL they are one. On SQLite the writer has a single connection, so that writers queue here rather than
    starve each other into `database is locked`, and its transactions begin IMMEDIATE: one that begins by reading and
    then writes would fail as soon as another has written in between.
    """

    reader: AsyncEngine
    writer: AsyncEngine

    async def dispose(self) -> None:
        await self.reader.dispose()
        await self.writer.dispose()


def connect(database_url: str) -> Database:
    url = make_url(database_url)
    if url.get_backend_name() == "sqlite":
        return Database(_sqlite(url, "BEGIN"), _sqlite(url, "BEGIN IMMEDIATE", pool_size=1, max_overflow=0))
    options = {"connect_timeout": 3, "options": "-c timezone=UTC -c statement_timeout=10000"}
    engine = create_async_engine(url, hide_parameters=True, pool_timeout=5, connect_args=options)
    return Database(engine, engine)


def _sqlite(url: URL, begin: str, **pool: int) -> AsyncEngine:
    engine = create_async_engine(url, hide_parameters=True, pool_timeout=5, **pool)

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: DBAPIConnection, _record: object) -> None:
        connection.isolation_level = None  # or the driver begins transactions itself, and never IMMEDIATE
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {_BUSY_TIMEOUT}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin_transaction(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine


async def verify_schema(database: Database) -> None:
    """Raises:
    SchemaNotAtHead: the migrations have not been run, or a newer version's have.
    """
    async with database.reader.connect() as connection:
        try:
            found = (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar_one_or_none()
        except DatabaseError as error:
            if getattr(error, "connection_invalidated", False) or not _is_missing_table(error):
                raise
            found = None
    if found != HEAD:
        raise SchemaNotAtHead(f"the database is at {found or 'nothing'}, not at {HEAD}")


def _is_missing_table(error: DatabaseError) -> bool:
    return getattr(error.orig, "sqlstate", None) == "42P01" or "no such table" in str(error.orig)
