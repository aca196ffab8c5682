"""A SQLAlchemy dialect that reads SQLite on the event loop itself.

A read through an index takes about 20 µs and, in WAL mode, waits for no lock. aiosqlite hands each statement to a
thread and back several times, which takes many times as long. This dialect is only for reading: a write may wait for a
lock (DECISIONS.md, 1).
"""

import sqlite3
from typing import Any

from sqlalchemy import URL
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.pool import Pool, StaticPool
from sqlalchemy.util import await_only


class _Cursor(sqlite3.Cursor):
    async def _async_soft_close(self) -> None:
        """Called by SQLAlchemy after it has fetched the rows. Nothing is left to close."""


class _Connection(sqlite3.Connection):
    def cursor(self, factory: Any = _Cursor) -> Any:
        return super().cursor(factory)


class InlineSQLite(SQLiteDialect_pysqlite):
    driver = "inline"
    is_async = True  # AsyncEngine accepts no other dialect
    supports_statement_cache = True

    def create_connect_args(self, url: URL) -> Any:
        arguments, options = super().create_connect_args(url)
        return arguments, {**options, "factory": _Connection}

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        await_only(_nothing())  # AsyncConnection requires an await; this one does not wait
        cursor.execute(statement, parameters)

    @classmethod
    def get_pool_class(cls, url: Any) -> type[Pool]:
        return StaticPool  # one connection: no two reads run at once


async def _nothing() -> None:
    pass


registry.register("sqlite.inline", __name__, "InlineSQLite")
