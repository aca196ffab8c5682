"""The tables. Rows of todos, owners and keys belong to an owner; on PostgreSQL a policy hides those of other owners.

They are Core tables, not classes as in auth-service: no object is ever loaded or changed here, and a statement made of
a class's attributes takes a tenth more of a read (DECISIONS.md, "Tables are classes in auth-service").
"""

from datetime import UTC, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    Index,
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

MAX_POSITION_LENGTH = 128
metadata = MetaData()


class UtcDateTime(TypeDecorator[datetime]):
    """Stores and returns aware times in UTC. SQLite has no time zones and would return naive times."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)  # the connection's zone is UTC


# Positions sort by bytes. The order of a language would put "a" before "B", and would differ between databases.
_POSITION = String(MAX_POSITION_LENGTH).with_variant(String(MAX_POSITION_LENGTH, collation="C"), "postgresql")

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
    Column("due", String(120)),  # the text that clients see; null: never due
    Column("due_at", UtcDateTime, nullable=False),  # the instant for sorting and filters; never due: the year 9999
    Column("position", _POSITION, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime),
    Column("sequence", BigInteger, nullable=False),  # number of the owner's change that wrote the row
    CheckConstraint("status IN ('open', 'done')", name="todos_status"),
    CheckConstraint("priority BETWEEN 0 AND 3", name="todos_priority"),
    CheckConstraint("(status = 'done') = (completed_at IS NOT NULL)", name="todos_completed_at"),
    Index("todos_sequence", "owner", "sequence", unique=True),
    Index("todos_position", "owner", "position", "id"),
    Index("todos_due", "owner", "due_at", "id"),
    Index("todos_priority_order", "owner", "priority", "id"),
    Index("todos_updated", "owner", "updated_at", "id"),
)
Index("todos_deleted", todos.c.deleted_at, postgresql_where=todos.c.deleted_at.is_not(None))

owners = Table(
    "owners",
    metadata,
    Column("owner", String(255), primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("todo_count", Integer, nullable=False),  # without deleted ones
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("owner", String(255), primary_key=True),
    Column("client_id", String(255), primary_key=True),
    Column("route", String(100), primary_key=True),
    Column("key", String(255), primary_key=True),
    Column("body_hash", LargeBinary, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("headers", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Index("idempotency_keys_expiry", "expires_at"),
)

received_events = Table(
    "received_events",
    metadata,
    Column("jti", String(128), primary_key=True),
    Column("expires_at", UtcDateTime, nullable=False),
    Index("received_events_expiry", "expires_at"),
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(50), primary_key=True),
    Column("holder", String(64), nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

cursor_key = Table(
    "cursor_key",
    metadata,
    Column("id", SmallInteger, primary_key=True, autoincrement=False),
    Column("secret", LargeBinary, nullable=False),
    CheckConstraint("id = 1", name="cursor_key_one_row"),
)
