"""Statements that are compiled once and run on the driver's connection, with SQLAlchemy's pool, types and errors.

SQLAlchemy's own execution of a statement costs more processor time than the driver's and PostgreSQL's together.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import BindParameter, Dialect, Executable
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.util import greenlet_spawn

from .slow_statements import tell_if_slow

T = TypeVar("T")


class DriverStatements:
    """The base of what runs an engine's statements. They live as long as the process; their values are parameters."""

    def __init__(self, engine: AsyncEngine, dialect: Dialect | None = None) -> None:
        """`dialect` compiles the statements; None: the engine's."""
        self._engine = engine
        self._dialect = dialect or engine.sync_engine.dialect
        self._compiled: dict[Executable, Compiled] = {}

    def compile(self, statement: Executable) -> "Compiled":
        compiled = self._compiled.get(statement)
        if compiled is None:
            compiled = self._compiled[statement] = Compiled(statement, self._dialect)
        return compiled

    async def _send(self, text: str, send: Callable[[Any], Awaitable[T]]) -> T:
        """What `send` returns, which gets a connection of the driver to run the statement `text`.

        Raises:
            sqlalchemy.exc.DBAPIError, sqlalchemy.exc.TimeoutError: as SQLAlchemy's own execution does.
        """
        pooled = await self._connection(text)
        driver: Any = pooled.driver_connection
        begun, is_over = time.perf_counter(), False
        try:
            answer = await send(driver)
            is_over = True
        except self._dialect.loaded_dbapi.Error as error:
            raise self._wrapped(error, text) from error
        finally:
            if not is_over:
                await self._give_up(pooled)
            tell_if_slow(time.perf_counter() - begun, text, driver)
        self._give_back(pooled)
        return answer

    async def _connection(self, text: str) -> PoolProxiedConnection:
        try:
            return await self._engine.raw_connection()
        except self._dialect.loaded_dbapi.Error as error:  # the pool does not wrap what the driver raises
            raise self._wrapped(error, text) from error

    def _give_back(self, pooled: PoolProxiedConnection) -> None:
        pooled.close()

    def _wrapped(self, error: Exception, text: str) -> BaseException:
        """A driver's error as SQLAlchemy's class of the same name; without the parameters, which people typed."""
        base = self._dialect.loaded_dbapi.Error
        return DBAPIError.instance(text, None, error, base, hide_parameters=True, dialect=self._dialect)

    async def _give_up(self, pooled: PoolProxiedConnection) -> None:
        """Close a connection whose state is unknown, also while this task is cancelled. The pool opens another."""
        await asyncio.shield(asyncio.ensure_future(greenlet_spawn(pooled.invalidate)))


class Compiled:
    """The text of a statement, and how its values and rows are converted, where the driver does not do that."""

    def __init__(self, statement: Any, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        binds: Mapping[str, BindParameter[Any]] = compiled.binds
        self.text: str = compiled.string
        self.columns = tuple(map(str, statement.exported_columns.keys()))
        self._binders = {name: bind.type.dialect_impl(dialect).bind_processor(dialect) for name, bind in binds.items()}
        constants = {name: bind.effective_value for name, bind in binds.items() if not bind.required}
        self._constants = {name: self._bound(name, value) for name, value in constants.items()}
        self._order: Sequence[str] = compiled.positiontup or ()
        self._types = [column.type.dialect_impl(dialect) for column in statement.exported_columns]
        self._dialect = dialect
        self._converters: list[tuple[int, Callable[[Any], Any]]] | None = None  # by column; known with the first answer

    def bind(self, parameters: Mapping[str, object]) -> dict[str, object]:
        constants, binders = self._constants, self._binders
        given = {name: parameters[name] for name in binders if name in parameters or name not in constants}
        return constants | {name: self._bound(name, value) for name, value in given.items()}

    def _bound(self, name: str, value: object) -> object:
        bind = self._binders[name]
        return value if bind is None else bind(value)

    def bind_in_order(self, parameters: Mapping[str, object]) -> Sequence[object]:
        """The values in the order of the parameters, for a dialect that numbers them."""
        values = self.bind(parameters)
        return [values[name] for name in self._order]

    def convert(self, rows: Sequence[Sequence[Any]], cursor: Any) -> Sequence[Sequence[Any]]:
        """The rows, whose `cursor` describes its columns (PEP 249). It is asked only once, as describing takes long."""
        if self._converters is None:
            found = (
                of.result_processor(self._dialect, column[1])
                for of, column in zip(self._types, cursor.description, strict=True)
            )
            self._converters = [(place, convert) for place, convert in enumerate(found) if convert is not None]
        return [self._converted(row, self._converters) for row in rows] if self._converters else rows

    def _converted(self, row: Sequence[Any], converters: Sequence[tuple[int, Callable[[Any], Any]]]) -> Sequence[Any]:
        values = list(row)
        for place, convert in converters:
            values[place] = convert(values[place])
        return values
