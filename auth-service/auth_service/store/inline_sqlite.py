"""A SQLAlchemy dialect that reads SQLite on the event loop. For reads only: a write may wait for a lock.

A read through an index takes some 20 µs and, in WAL mode, waits for no lock. aiosqlite hands each statement to a thread
and back several times, which takes many times as long.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Executable
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.pool import Pool, StaticPool

from .driver_statements import DriverStatements


class InlineSQLite(SQLiteDialect_pysqlite):
    driver = "auth_inline"  # not the other service's name: tests load both services in one process
    is_async = True  # AsyncEngine requires it, although no call awaits anything
    supports_statement_cache = True

    @classmethod
    def get_pool_class(cls, url: Any) -> type[Pool]:
        return StaticPool  # one connection is enough: reads never overlap


class InlineStatements(DriverStatements):
    """Runs read statements that are constants of modules, on the driver's connection."""

    idle = 0  # connections that are kept here

    async def find_rows(self, statement: Executable, parameters: Mapping[str, object]) -> Sequence[Sequence[Any]]:
        """The rows that the statement returns. The event loop does nothing else meanwhile.

        Raises:
            sqlalchemy.exc.DBAPIError: as SQLAlchemy's own execution does.
        """
        compiled = self.compile(statement)
        values = compiled.bind(parameters)

        async def send(driver: Any) -> tuple[Sequence[Sequence[Any]], Any]:
            cursor = driver.execute(compiled.text, values)
            return cursor.fetchall(), cursor

        return compiled.convert(*await self._send(compiled.text, send))

    def close(self) -> None:
        """It keeps no connection."""


registry.register("sqlite.auth_inline", __name__, "InlineSQLite")
