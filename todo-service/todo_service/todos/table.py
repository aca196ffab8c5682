"""The tables. Most rows belong to an owner; on PostgreSQL a policy hides those of other owners.

They are Core tables, not classes as in auth-service: no object is ever loaded or changed here, and a statement made of
a class's attributes takes a tenth more of a read (DECISIONS.md, "Tables are classes in auth-service").
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

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
    text,
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
        return None if value is None else value.replace(tzinfo=UTC)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], datetime | None] | None:
        """None: nothing to convert. psycopg returns aware times in UTC, the connection's zone."""
        return None if dialect.name == "postgresql" else super().result_processor(dialect, coltype)


def _partial_index(name: str, *columns: Column[Any], where: str, on: Sequence[str] = ("postgresql", "sqlite")) -> Index:
    """An index of the rows for which `where` is true, on the databases `on`; on others it has all rows.

    A migration makes it. The argument `postgresql_where` would load the dialect of PostgreSQL, which takes 2 MB, also
    for SQLite. So a test gives the conditions to SQLAlchemy, and compares the tables with the migrated ones.
    """
    return Index(name, *columns, info={"where": dict.fromkeys(on, where)})


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
    Column("list_id", Uuid),  # of `lists`; null: the inbox
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime),
    Column("sequence", BigInteger, nullable=False),  # number of the owner's change that wrote the row
    Column("octets", Integer),  # counted for the quota (rooms.py); null: written by the version before 0004
    Column("folded", Text),  # title and notes, as they are searched (folding.py)
    Column("folded_version", Integer),  # the todo's version when `folded` was last right
    CheckConstraint("status IN ('open', 'done')", name="todos_status"),
    CheckConstraint("priority BETWEEN 0 AND 3", name="todos_priority"),
    CheckConstraint("(status = 'done') = (completed_at IS NOT NULL)", name="todos_completed_at"),
    Index("todos_sequence", "owner", "sequence", unique=True),
)
# One index for each order. It contains the filtered columns, too, so that SQLite reads only the rows that it returns:
# these columns stand behind the notes, which may take many pages.
_LIVE, _GONE = "deleted_at IS NULL", "deleted_at IS NOT NULL"
for _order, *_columns in (
    ("created", "id", "status", "priority", "due_at", "octets"),
    ("updated", "updated_at", "id", "status", "priority", "due_at"),
    ("due", "due_at", "id", "status", "priority"),
    ("priority", "priority", "id", "status", "due_at"),
    ("position", "position", "id", "status", "priority", "due_at"),
    ("list", "list_id", "position", "id", "status", "priority", "due_at"),
):
    _partial_index(f"todos_live_{_order}", todos.c.owner, *(todos.c[_name] for _name in _columns), where=_LIVE)
_COLUMNS_OF_DELETED = (
    "owner", "deleted_at", "id", "status", "priority", "due_at", "updated_at", "position", "octets"
)  # fmt: skip
_partial_index("todos_deleted_of_owner", *(todos.c[_name] for _name in _COLUMNS_OF_DELETED), where=_GONE)
UNFOLDED = todos.c.folded_version.is_(None) | (todos.c.folded_version != todos.c.version)
_partial_index("todos_unfolded", todos.c.owner, todos.c.id, where="folded_version IS NULL OR folded_version != version")
_partial_index("todos_deleted", todos.c.deleted_at, where=_GONE, on=["postgresql"])

lists = Table(
    "lists",
    metadata,
    Column("owner", String(255), primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("name", String(100), nullable=False),
    Column("color", String(10), nullable=False),
    Column("position", _POSITION, nullable=False),
    Column("version", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime),
    Column("sequence", BigInteger, nullable=False),  # number of the owner's change that wrote the row
    Column("octets", Integer, nullable=False),  # counted for the quota (rooms.py)
    Column("members", Integer, nullable=False, server_default=text("0")),  # how many others it is shared with
    Index("lists_sequence", "owner", "sequence", unique=True),
)
_partial_index("lists_deleted", lists.c.deleted_at, where=_GONE, on=["postgresql"])

members = Table(
    "members",
    metadata,
    Column("owner", String(255), primary_key=True),  # of the list
    Column("list_id", Uuid, primary_key=True),
    Column("member", String(255), primary_key=True),
    Column("id", Uuid, nullable=False),  # names the membership in addresses, so that nobody learns a `sub`
    Column("role", String(10), nullable=False),
    Column("name", String(100), nullable=False),  # as the member calls itself
    Column("shared_by", String(100), nullable=False),  # as the owner called itself in the invitation
    Column("joined_at", UtcDateTime, nullable=False),
    Column("deleted_at", UtcDateTime),  # the list's; null: the list is not deleted
    CheckConstraint("role IN ('editor', 'viewer')", name="members_role"),
    Index("members_member", "member"),
)
_partial_index("members_deleted", members.c.deleted_at, where=_GONE, on=["postgresql"])

invitations = Table(
    "invitations",
    metadata,
    Column("owner", String(255), primary_key=True),
    Column("id", Uuid, primary_key=True),
    Column("list_id", Uuid, nullable=False),
    Column("role", String(10), nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),  # SHA-256
    Column("shared_by", String(100), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("accepted_by", String(255)),  # null: nobody has yet
    CheckConstraint("role IN ('editor', 'viewer')", name="invitations_role"),
    Index("invitations_expiry", "expires_at"),
)

departures = Table(  # todos that left a shared list for another one: its members are told that they are gone
    "departures",
    metadata,
    Column("owner", String(255), primary_key=True),
    Column("list_id", Uuid, primary_key=True),
    Column("todo_id", Uuid, primary_key=True),
    Column("sequence", BigInteger, nullable=False),  # number of the owner's change
    Column("left_at", UtcDateTime, nullable=False),
    Index("departures_sequence", "owner", "sequence"),
    Index("departures_left", "left_at"),
)

owners = Table(
    "owners",
    metadata,
    Column("owner", String(255), primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("todo_count", Integer, nullable=False),  # without deleted ones
    # What the owner keeps (rooms.py). Right if `kept_at` is `sequence`: otherwise the version before 0004 wrote since.
    Column("kept_rows", Integer),  # todos, with deleted ones
    Column("kept_octets", BigInteger),
    Column("kept_at", BigInteger),
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
