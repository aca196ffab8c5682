"""The most frequent statements, on PostgreSQL: compiled once, prepared by the server, run on the driver's connection.

The settings that row-level security reads and the statement are sent together, in psycopg's pipeline mode. The server
takes what is sent together as one transaction, in which the settings hold (PostgreSQL, "Pipeline Mode"). So a request
waits for the database once, where BEGIN, the statement and ROLLBACK would be three times. SQLAlchemy's execution of
each would cost more processor time than the driver's and the server's together.
"""

import asyncio
import time
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Dialect, Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.util import greenlet_spawn

from .slow_statements import tell_if_slow

Row = Any  # a named tuple of the statement's columns, as SQLAlchemy's Row is one


class PreparedStatements:
    """Runs statements that live as long as the process, whose values are all parameters."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._dialect = engine.sync_engine.dialect
        self._compiled: dict[Executable, Compiled] = {}

    async def run(
        self, settings: Mapping[str, str], statement: Executable, parameters: Mapping[str, object]
    ) -> Sequence[Row]:
        """The rows that the statement returns, in a transaction of its own with these settings.

        Raises:
            sqlalchemy.exc.DBAPIError, sqlalchemy.exc.TimeoutError: as SQLAlchemy's own execution does.
        """
        compiled = self.compile(statement)
        values = compiled.bind(parameters)
        setting = "SELECT " + ", ".join(f"set_config('{name}', %s, true)" for name in settings)
        pooled = await self._connection(compiled.text)
        driver: Any = pooled.driver_connection
        begun, is_over = time.perf_counter(), False
        try:
            async with driver.pipeline():
                await driver.execute(setting, tuple(settings.values()), prepare=True)
                cursor = await driver.execute(compiled.text, values, prepare=True, binary=True)
            rows = await cursor.fetchall()
            is_over = True
        except self._dialect.loaded_dbapi.Error as error:
            raise self._wrapped(error, compiled.text) from error
        finally:
            if not is_over:
                await self._give_up(pooled)
            tell_if_slow(time.perf_counter() - begun, compiled.text, driver)
        pooled.close()
        return compiled.convert(rows, cursor.description)

    def compile(self, statement: Executable) -> "Compiled":
        compiled = self._compiled.get(statement)
        if compiled is None:
            compiled = self._compiled[statement] = Compiled(statement, self._dialect)
        return compiled

    async def _connection(self, text: str) -> PoolProxiedConnection:
        try:
            return await self._engine.raw_connection()
        except self._dialect.loaded_dbapi.Error as error:  # the pool does not wrap what the driver raises
            raise self._wrapped(error, text) from error

    def _wrapped(self, error: Exception, text: str) -> BaseException:
        """A driver's error as SQLAlchemy's class of the same name; without the parameters, which people typed."""
        base = self._dialect.loaded_dbapi.Error
        return DBAPIError.instance(
            text, None, error, base, hide_parameters=True, connection_invalidated=True, dialect=self._dialect
        )

    async def _give_up(self, pooled: PoolProxiedConnection) -> None:
        """Close a connection whose state is unknown, also while this task is cancelled. The pool opens another."""
        await asyncio.shield(asyncio.ensure_future(greenlet_spawn(pooled.invalidate)))


class Compiled:
    """The text of a statement, and how its values and rows are converted, where the driver does not do that."""

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        binds: Mapping[str, BindParameter[Any]] = compiled.binds
        self.text: str = compiled.string
        self._constants = {name: bind.effective_value for name, bind in binds.items() if not bind.required}
        self._binders = {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in binds.items()}
        columns = statement.exported_columns
        self._types = [column.type.dialect_impl(dialect) for column in columns]
        self._row: Any = namedtuple("Row", [str(name) for name in columns.keys()])  # type: ignore[misc]  # noqa: SIM118
        self._dialect = dialect
        self._converters: list[tuple[int, Callable[[Any], Any]]] | None = None  # by column; known with the first answer

    def bind(self, parameters: Mapping[str, object]) -> dict[str, object]:
        values = {**self._constants, **parameters}
        return {name: values[name] if bind is None else bind(values[name]) for name, bind in self._binders.items()}

    def convert(self, rows: Sequence[Sequence[Any]], columns: Sequence[Any]) -> Sequence[Row]:
        """The rows. `columns` is the driver's description of the answer (PEP 249)."""
        if self._converters is None:
            found = (
                of.result_processor(self._dialect, column.type_code)
                for of, column in zip(self._types, columns, strict=True)
            )
            self._converters = [(place, convert) for place, convert in enumerate(found) if convert is not None]
        if self._converters:
            rows = [self._converted(row, self._converters) for row in rows]
        return [*map(self._row._make, rows)]

    def _converted(self, row: Sequence[Any], converters: Sequence[tuple[int, Callable[[Any], Any]]]) -> Sequence[Any]:
        values = list(row)
        for place, convert in converters:
            values[place] = convert(values[place])
        return values
