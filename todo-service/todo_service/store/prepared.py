"""The most frequent statements, on PostgreSQL: compiled once, prepared by the server, run on the driver's connection.

The settings that row-level security reads and the statement are sent together, in psycopg's pipeline mode. The server
takes what is sent together as one transaction, in which the settings hold (PostgreSQL, "Pipeline Mode"). So a request
waits for the database once, where BEGIN, the statement and ROLLBACK would be three times.
"""

from collections import namedtuple
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Executable
from sqlalchemy.ext.asyncio import AsyncEngine

from .driver_statements import Compiled, DriverStatements

Row = Any  # a named tuple of the statement's columns, as SQLAlchemy's Row is one


class PreparedStatements(DriverStatements):
    """Runs statements that live as long as the process, for an owner."""

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__(engine)
        self._rows: dict[Compiled, Any] = {}  # the class of each statement's rows

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

        async def send(driver: Any) -> tuple[Sequence[Sequence[Any]], Any]:
            async with driver.pipeline():
                await driver.execute(setting, tuple(settings.values()), prepare=True)
                cursor = await driver.execute(compiled.text, values, prepare=True, binary=True)
            return await cursor.fetchall(), cursor

        rows = compiled.convert(*await self._send(compiled.text, send))
        return [*map(self._row_of(compiled)._make, rows)]

    def _row_of(self, compiled: Compiled) -> Any:
        made = self._rows.get(compiled)
        if made is None:
            made = self._rows[compiled] = namedtuple("Row", compiled.columns)
        return made
