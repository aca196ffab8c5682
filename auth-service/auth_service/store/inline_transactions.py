"""Statements that are sent together (together.py) on SQLite: one after the other on the driver's connection."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.pool import PoolProxiedConnection

from .driver_statements import DriverStatements
from .together import Asked, Found, Refuse


class InlineTransactions(DriverStatements):
    """Transactions on the writer's connection. Statements run on the event loop; BEGIN and COMMIT wait in a thread."""

    async def transact(self, asked: Mapping[str, Asked], refuse: Refuse | None) -> Found:
        """The rows of each statement. Raises what `refuse` returns, after everything was rolled back.

        Raises:
            sqlalchemy.exc.DBAPIError, sqlalchemy.exc.TimeoutError: as SQLAlchemy's own execution does.
        """
        compiled = {name: self.compile(each.of("sqlite")) for name, each in asked.items()}
        values = {name: compiled[name].bind(each.values) for name, each in asked.items()}

        writer: Any = self._dialect  # SQLiteWriter

        async def run(driver: Any) -> tuple[Found, Exception | None]:
            await writer.begin(driver)
            found = {}
            for name, each in compiled.items():
                cursor = run_one(driver, each.text, values[name])
                found[name] = each.convert(cursor.fetchall(), cursor)
            refusal = None if refuse is None else refuse(found)
            if refusal is None:
                await writer.commit(driver)
            else:
                driver.rollback()
            return found, refusal

        found, refusal = await self._send("; ".join(each.text for each in compiled.values()), run)
        if refusal is not None:
            raise refusal
        return found

    async def _give_up(self, pooled: PoolProxiedConnection) -> None:
        """The connection stays: its thread has ended its work, and the pool rolls back what was not committed."""
        pooled.close()


def run_one(driver: Any, text: str, values: Mapping[str, object]) -> Any:
    """Run a statement, and return its cursor. It waits for nothing: the transaction has SQLite's only lock."""
    return driver.execute(text, values)
