"""A SQLAlchemy dialect that reads SQLite on the event loop. For reads only: a write may wait for a lock.

A read through an index takes some 20 µs and, in WAL mode, waits for no lock. aiosqlite hands each statement to a thread
and back several times, which takes many times as long.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Executable
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import Pool, StaticPool

from .driver_statements import DriverStatements
from .slow_statements import tell_if_slow


class InlineSQLite(SQLiteDialect_pysqlite):
    driver = "auth_inline"  # not the other service's name: tests load both services in one process
    is_async = True  # AsyncEngine requires it, although no call awaits anything
    supports_statement_cache = True

    @classmethod
    def get_pool_class(cls, url: Any) -> type[Pool]:
        return StaticPool  # one connection is enough: reads never overlap


class InlineStatements(DriverStatements):
    """Runs read statements that are constants of modules, on the driver's connection.

    The pool has one connection only, and no two reads overlap. So it is not taken from the pool for each statement.
    """

    idle = 0  # connections that are kept out of the pool

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__(engine)
        self._driver: Any = None

    async def find_rows(self, statement: Executable, parameters: Mapping[str, object]) -> Sequence[Sequence[Any]]:
        """The rows that the statement returns. The event loop does nothing else meanwhile.

        Raises:
            sqlalchemy.exc.DBAPIError: as SQLAlchemy's own execution does.
        """
        compiled = self.compile(statement)
        values = compiled.bind(parameters)
        driver = self._driver or await self._connect(compiled.text)
        begun = time.perf_counter()
        try:
            cursor = driver.execute(compiled.text, values)
            rows = cursor.fetchall()
        except self._dialect.loaded_dbapi.Error as error:
            await self._forget(driver, compiled.text)
            raise self._wrapped(error, compiled.text) from error
        finally:
            tell_if_slow(time.perf_counter() - begun, compiled.text, driver)
        return compiled.convert(rows, cursor)

    async def _connect(self, text: str) -> Any:
        pooled = await self._connection(text)
        self._driver = pooled.driver_connection
        pooled.close()
        return self._driver

    async def _forget(self, driver: Any, text: str) -> None:
        """Close the connection, unless the pool has another one already."""
        self._driver = None
        pooled = await self._connection(text)
        if pooled.driver_connection is driver:
            await self._give_up(pooled)
        else:
            pooled.close()

    def close(self) -> None:
        """The connection is the pool's."""


registry.register("sqlite.auth_inline", __name__, "InlineSQLite")
