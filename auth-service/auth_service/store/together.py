"""Statements of one transaction that are sent together: on PostgreSQL in one trip, and its end in a second one.

The server runs them one after the other, as if each had been sent alone (PostgreSQL, "Pipeline Mode"): each sees what
others committed while the one before it waited for a lock, and locks are taken in the order of the statements. But none
can use what another one returns. So the caller asks for all that it may need, and looks at the answers before the
transaction ends. Functions named in -ing (`issuing`, `holding_owners`) make such statements and send nothing.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias

from sqlalchemy import Executable
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Session

from .rows import insert_by

Rows: TypeAlias = Sequence[Sequence[Any]]
Found: TypeAlias = Mapping[str, Rows]
Refuse: TypeAlias = Callable[[Found], Exception | None]  # what the answers forbid; None: the transaction is committed


@dataclass(frozen=True, slots=True)
class Asked:
    """A statement, which lives as long as the process and returns rows, and its values, which are all parameters."""

    statement: "Executable | PerDatabase"
    values: Mapping[str, object]

    def of(self, database: str) -> Executable:
        return self.statement.of(database) if isinstance(self.statement, PerDatabase) else self.statement


class PerDatabase:
    """A statement for each database, built at its first use, with its kind of INSERT, which supports ON CONFLICT."""

    def __init__(self, build: Callable[[Any], Executable]) -> None:
        self._build = build
        self._built: dict[str, Executable] = {}

    def of(self, database: str) -> Executable:
        if (built := self._built.get(database)) is None:
            built = self._built[database] = self._build(partial(insert_by, database))
        return built


async def send(session: AsyncSession, asked: Mapping[str, Asked]) -> Found:
    """The rows that each statement returns, one after the other, in the transaction of a session."""
    return await session.run_sync(_run, asked)


async def run_in_turn(session: AsyncSession, asked: Mapping[str, Asked], refuse: Refuse | None) -> Found:
    """The same as a whole transaction. Raises what `refuse` returns."""
    found = await send(session, asked)
    if refuse is not None and (refusal := refuse(found)):
        raise refusal
    return found


def _run(session: Session, asked: Mapping[str, Asked]) -> Found:
    connection, database = session.connection(), session.get_bind().dialect.name
    return {name: connection.execute(each.of(database), each.values).all() for name, each in asked.items()}
