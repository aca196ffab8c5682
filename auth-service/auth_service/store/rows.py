"""The base class of all tables: names of constraints, and expiry of rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from sqlalchemy import Index, MetaData, Select, delete, tuple_
from sqlalchemy.exc import MultipleResultsFound
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import DeclarativeBase

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite

# Names for constraints, so that a migration on either database can refer to them.
NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s",
    "pk": "pk_%(table_name)s",
}


R = TypeVar("R", bound="Row")


@dataclass(frozen=True)
class Expiry:
    """When the worker deletes rows of a table.

    A row is deleted after its `expires_at`. In a table that anonymous callers can fill, the surplus over `max_rows` is
    deleted earlier, in the order of the columns `surplus_first`.
    """

    max_rows: int | None = None
    surplus_first: tuple[str, ...] = ("expires_at",)


class Row(DeclarativeBase):
    """The base of every table."""

    metadata = MetaData(naming_convention=NAMING)
    __expiry__: ClassVar[Expiry | None] = None  # None: rows stay until something else deletes them


def detached(table: type[R], values: Iterator[Any]) -> R:
    """An object of the table's class, from the next values: one for each column. Changes to it are not stored.

    The constructor would note each value as a change, which takes longer than reading the row.
    """
    row: R = table.__mapper__.class_manager.new_instance()
    row.__dict__.update(zip(_attributes(table), values, strict=False))  # the values of the next table may follow
    return row


@cache
def _attributes(table: type[Row]) -> Sequence[str]:
    """The attributes of the table's columns. Some have other names than their columns (client_ids.py)."""
    return [table.__mapper__.get_property_by_column(column).key for column in table.__table__.columns]


def only_row(rows: Sequence[Sequence[Any]]) -> Sequence[Any] | None:
    """The row of a statement that selects by a key, or None. Raises MultipleResultsFound."""
    if len(rows) > 1:
        raise MultipleResultsFound("a statement that selects by a key has found several rows")
    return rows[0] if rows else None


async def delete_unlocked(session: AsyncSession, table: type[Row], chosen: Select[*tuple[Any, ...]]) -> int:
    """Delete the rows of these keys that no other transaction has locked. Returns how many.

    `chosen` selects the primary key. Deleting never waits for a lock, so it cannot be part of a deadlock.
    """
    found = [tuple(row) for row in await session.execute(chosen.with_for_update(skip_locked=True))]
    if found:
        gone = delete(table).where(tuple_(*table.__mapper__.primary_key).in_(found))
        await session.execute(gone.execution_options(synchronize_session=False))
    return len(found)


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of the rows of a condition, which a migration makes. A test compares the condition with the database's.

    As `postgresql_where` it would load the dialect of PostgreSQL, which takes 2 MB, also for SQLite.
    """
    return Index(name, *columns, unique=unique, info={"where": where})


def insert_into(session: AsyncSession, table: type[Row]) -> "postgresql.Insert | sqlite.Insert":
    """An INSERT that supports ON CONFLICT. SQLAlchemy has one class per database for it, with the same methods."""
    return insert_by(session.get_bind().dialect.name, table)


def insert_by(dialect: str, table: Any) -> "postgresql.Insert | sqlite.Insert":
    """The same for the dialect of this name. The other one is not loaded: PostgreSQL's takes 2 MB."""
    if dialect == "sqlite":
        from sqlalchemy.dialects import sqlite

        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql

    return postgresql.insert(table)
