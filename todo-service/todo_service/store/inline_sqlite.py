"""A SQLAlchemy dialect that reads SQLite on the event loop itself.

A read through an index takes some 20 µs and, in WAL mode, waits for no lock; handing it to a thread and back, several
times a statement as aiosqlite does, takes many times as long. Only for reading: a write may wait for a lock
(DECISIONS.md, 1).
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
        """What SQLAlchemy asks of an asynchronous cursor once its rows are with it."""


class _Connection(sqlite3.Connection):
    def cursor(self, factory: Any = _Cursor) -> Any:
        return super().cursor(factory)


class InlineSQLite(SQLiteDialect_pysqlite):
    driver = "inline"
    is_async = True  # so that AsyncEngine takes it
    supports_statement_cache = True

    def create_connect_args(self, url: URL) -> Any:
        arguments, options = super().create_connect_args(url)
        return arguments, {**options, "factory": _Connection}

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        await_only(_nothing())  # AsyncConnection insists that something was awaited; here nothing waits
        cursor.execute(statement, parameters)

    @classmethod
    def get_pool_class(cls, url: Any) -> type[Pool]:
        return StaticPool  # one connection: no two reads run at once


async def _nothing() -> None:
    pass


def register() -> None:
    registry.register("sqlite.inline", __name__, "InlineSQLite")
