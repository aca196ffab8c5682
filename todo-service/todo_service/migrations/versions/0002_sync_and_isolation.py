"""Due dates with zones, positions, soft deletion, a sequence of changes, and row-level security on PostgreSQL.

A policy compares each row's owner with a setting of the transaction. It is forced on the tables' owner, too, so it also
protects a database where one role both migrates and serves. Only superusers and roles with BYPASSRLS are exempt. A
second policy is for the purge: it shows the rows of all owners that were deleted, or expired, before a given time.
"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_POSITION = sa.String(128).with_variant(sa.String(128, collation="C"), "postgresql")
_NEVER = "9999-12-31 23:59:59.999999"
_OWNED = ("todos", "owners", "idempotency_keys")
_OWNER = "owner = current_setting('todo.owner', true)"
_GONE = "{column} < nullif(current_setting('todo.purge_before', true), '')::timestamptz"


def upgrade() -> None:
    is_postgres = op.get_bind().dialect.name == "postgresql"
    _add_columns()
    _add_tables()
    _fill(is_postgres=is_postgres)
    _finish_columns()
    _add_indexes()
    if is_postgres:
        _protect()


def _add_columns() -> None:
    op.add_column("todos", sa.Column("due", sa.String(120)))
    op.add_column("todos", sa.Column("position", _POSITION))
    op.add_column("todos", sa.Column("deleted_at", sa.DateTime(timezone=True)))
    op.add_column("todos", sa.Column("sequence", sa.BigInteger()))


def _fill(*, is_postgres: bool) -> None:
    """Give old todos positions in the order of their creation, and sequences in the order of their last change."""
    if is_postgres:
        due = """to_char(due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
        position = "substr(replace(id::text, '-', ''), 1, 16) || 'V'"
    else:
        due, position = "replace(due_at, ' ', 'T') || 'Z'", "substr(id, 1, 16) || 'V'"
    op.execute(f"UPDATE todos SET position = {position}")  # noqa: S608 - from the two lines above
    op.execute(f"UPDATE todos SET due = replace({due}, '.000000', '') WHERE due_at IS NOT NULL")  # noqa: S608 - as above
    op.execute(f"UPDATE todos SET due_at = '{_NEVER}' WHERE due_at IS NULL")  # noqa: S608 - a constant
    op.execute(
        "UPDATE todos SET sequence = numbered.n FROM (SELECT owner, id, row_number() OVER"
        " (PARTITION BY owner ORDER BY updated_at, id) AS n FROM todos) AS numbered"
        " WHERE numbered.owner = todos.owner AND numbered.id = todos.id"
    )
    op.execute("INSERT INTO owners SELECT owner, max(sequence), count(*) FROM todos GROUP BY owner")


def _finish_columns() -> None:
    with op.batch_alter_table("todos") as todos:
        todos.alter_column("due_at", existing_type=sa.DateTime(timezone=True), nullable=False)
        todos.alter_column("position", existing_type=_POSITION, nullable=False)
        todos.alter_column("sequence", existing_type=sa.BigInteger(), nullable=False)


def _add_indexes() -> None:
    op.create_index("todos_sequence", "todos", ["owner", "sequence"], unique=True)
    op.create_index("todos_position", "todos", ["owner", "position", "id"])
    op.create_index("todos_due", "todos", ["owner", "due_at", "id"])
    op.create_index("todos_priority_order", "todos", ["owner", "priority", "id"])
    op.create_index("todos_updated", "todos", ["owner", "updated_at", "id"])
    op.create_index("todos_deleted", "todos", ["deleted_at"], postgresql_where=sa.text("deleted_at IS NOT NULL"))


def _add_tables() -> None:
    op.create_table(
        "owners",
        sa.Column("owner", sa.String(255), primary_key=True),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("todo_count", sa.Integer(), nullable=False),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("owner", sa.String(255), primary_key=True),
        sa.Column("client_id", sa.String(255), primary_key=True),
        sa.Column("route", sa.String(100), primary_key=True),
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("body_hash", sa.LargeBinary(), nullable=False),
        sa.Column("status", sa.SmallInteger(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("idempotency_keys_expiry", "idempotency_keys", ["expires_at"])
    leases = op.create_table(
        "leases",
        sa.Column("name", sa.String(50), primary_key=True),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.bulk_insert(leases, [{"name": "purge", "holder": "", "expires_at": datetime(2000, 1, 1, tzinfo=UTC)}])


def _protect() -> None:
    for table in _OWNED:
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY {table}_owner ON {table} USING ({_OWNER}) WITH CHECK ({_OWNER})")
    for table, column in (("todos", "deleted_at"), ("idempotency_keys", "expires_at")):
        gone = _GONE.format(column=column)
        op.execute(f"CREATE POLICY {table}_purge_read ON {table} FOR SELECT USING ({gone})")
        op.execute(f"CREATE POLICY {table}_purge ON {table} FOR DELETE USING ({gone})")


def downgrade() -> None:
    """Remove deleted todos for ever. Due dates lose their zones; "never" becomes null."""
    for table in ("leases", "idempotency_keys", "owners"):
        op.drop_table(table)
    if op.get_bind().dialect.name == "postgresql":
        for policy in ("todos_owner", "todos_purge_read", "todos_purge"):
            op.execute(f"DROP POLICY {policy} ON todos")
        op.execute("ALTER TABLE todos NO FORCE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE todos DISABLE ROW LEVEL SECURITY")
    op.execute("DELETE FROM todos WHERE deleted_at IS NOT NULL")
    for index in ("sequence", "position", "due", "priority_order", "updated", "deleted"):
        op.drop_index(f"todos_{index}", "todos")
    with op.batch_alter_table("todos") as todos:
        todos.alter_column("due_at", existing_type=sa.DateTime(timezone=True), nullable=True)
        for column in ("due", "position", "deleted_at", "sequence"):
            todos.drop_column(column)
    op.execute(f"UPDATE todos SET due_at = NULL WHERE due_at = '{_NEVER}'")  # noqa: S608 - a constant
