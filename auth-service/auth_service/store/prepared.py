"""The most frequent statements, on PostgreSQL: compiled once, prepared by the server, run on a driver's connection."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Executable

from .driver_statements import DriverStatements


class PreparedStatements(DriverStatements):
    """Runs statements that are constants of modules."""

    async def find_rows(self, statement: Executable, parameters: Mapping[str, object]) -> Sequence[Sequence[Any]]:
        """The rows that the statement returns. The engine's autocommit makes it a transaction of its own.

        Raises:
            sqlalchemy.exc.DBAPIError, sqlalchemy.exc.TimeoutError: as SQLAlchemy's own execution does.
        """
        compiled = self.compile(statement)
        values = compiled.bind(parameters)

        async def send(driver: Any) -> tuple[Sequence[Sequence[Any]], Any]:
            cursor = await driver.execute(compiled.text, values, prepare=True, binary=True)
            return await cursor.fetchall(), cursor

        return compiled.convert(*await self._send(compiled.text, send))
