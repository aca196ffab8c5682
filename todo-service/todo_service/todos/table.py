"""The tables. The primary key is the order in which everything is read: an owner's todos, by id."""

from datetime import UTC, datetime

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    TypeDecorator,
    Uuid,
)

metadata = MetaData()


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in, aware UTC out; SQLite has no time zones and would give back naive times."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)  # the connection's zone is UTC


todos = Table(
    "todos",
    metadata,
    Column("owner", String(255), primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("title", String(500), nullable=False),
    Column("notes", Text, nullable=False),
    Column("status", String(10), nullable=False),
    Column("completed_at", UtcDateTime),
    Column("priority", SmallInteger, nullable=False),
    Column("due_at", UtcDateTime),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    CheckConstraint("status IN ('open', 'done')", name="todos_status"),
    CheckConstraint("priority BETWEEN 0 AND 3", name="todos_priority"),
    CheckConstraint("(status = 'done') = (completed_at IS NOT NULL)", name="todos_completed_at"),
)

cursor_key = Table(
    "cursor_key",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("secret", LargeBinary, nullable=False),
    CheckConstraint("id = 1", name="cursor_key_one_row"),
)
