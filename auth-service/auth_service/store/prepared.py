"""The most frequent statements, on PostgreSQL: compiled once, prepared by the server, run on the driver's connection.

SQLAlchemy's execution of a statement costs more processor time than the driver's and the server's together. What is
left of it here are the pool, the statement's text, and the types' conversions.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import BindParameter, Dialect, Executable
from sqlalchemy.exc import DBAPIError, MultipleResultsFound
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.util import greenlet_spawn

from .slow_statements import tell_if_slow


class PreparedStatements:
    """Runs statements that live as long as the process: constants of modules, whose values are all parameters."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._dialect = engine.sync_engine.dialect
        self._compiled: dict[Executable, _Compiled] = {}

    async def find_row(self, statement: Executable, parameters: Mapping[str, object]) -> Sequence[Any] | None:
        """The one row that the statement returns, or None. The engine's autocommit makes it a transaction of its own.

        Raises:
            sqlalchemy.exc.DBAPIError, sqlalchemy.exc.TimeoutError: as SQLAlchemy's own execution does.
        """
        compiled = self._compiled.get(statement)
        if compiled is None:
            compiled = self._compiled[statement] = _Compiled(statement, self._dialect)
        values = compiled.bind(parameters)
        pooled = await self._connection(compiled.text)
        driver: Any = pooled.driver_connection
        begun, is_over = time.perf_counter(), False
        try:
            cursor = await driver.execute(compiled.text, values, prepare=True, binary=True)
            rows = await cursor.fetchmany(2)
            is_over = True
        except self._dialect.loaded_dbapi.Error as error:
            raise self._wrapped(error, compiled.text) from error
        finally:
            if not is_over:
                await self._give_up(pooled)
            tell_if_slow(time.perf_counter() - begun, compiled.text, driver)
        pooled.close()
        return compiled.convert(rows, cursor.description)

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


class _Compiled:
    """The text of a statement, and how its values and rows are converted, where the driver does not do that."""

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        binds: Mapping[str, BindParameter[Any]] = compiled.binds
        self.text: str = compiled.string
        self._constants = {name: bind.effective_value for name, bind in binds.items() if not bind.required}
        self._binders = {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in binds.items()}
        self._types = [column.type.dialect_impl(dialect) for column in statement.exported_columns]
        self._dialect = dialect
        self._converters: list[tuple[int, Callable[[Any], Any]]] | None = None  # by column; known with the first answer

    def bind(self, parameters: Mapping[str, object]) -> dict[str, object]:
        values = {**self._constants, **parameters}
        return {name: values[name] if bind is None else bind(values[name]) for name, bind in self._binders.items()}

    def convert(self, rows: Sequence[Sequence[Any]], columns: Sequence[Any]) -> Sequence[Any] | None:
        """The one row, or None. `columns` is the driver's description of the answer (PEP 249)."""
        if not rows:
            return None
        if len(rows) > 1:
            raise MultipleResultsFound("a statement that selects by a key has found several rows")
        if self._converters is None:
            found = (
                of.result_processor(self._dialect, column.type_code)
                for of, column in zip(self._types, columns, strict=True)
            )
            self._converters = [(place, convert) for place, convert in enumerate(found) if convert is not None]
        values = list(rows[0])
        for place, convert in self._converters:
            values[place] = convert(values[place])
        return values
