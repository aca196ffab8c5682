"""Lists of todos: named, coloured, ordered. Existing todos are in the inbox, which is no row."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_POSITION = sa.String(128).with_variant(sa.String(128, collation="C"), "postgresql")
_OWNER = "owner = current_setting('todo.owner', true)"
_GONE = "deleted_at < nullif(current_setting('todo.purge_before', true), '')::timestamptz"
_LIVE = sa.text("deleted_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "lists",
        sa.Column("owner", sa.String(255), primary_key=True),
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("color", sa.String(10), nullable=False),
        sa.Column("position", _POSITION, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True)),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("octets", sa.Integer(), nullable=False),
    )
    op.create_index("lists_sequence", "lists", ["owner", "sequence"], unique=True)
    op.create_index("lists_deleted", "lists", ["deleted_at"], postgresql_where=sa.text("deleted_at IS NOT NULL"))
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE lists ENABLE ROW LEVEL SECURITY")
        op.execute("ALTER TABLE lists FORCE ROW LEVEL SECURITY")
        op.execute(f"CREATE POLICY lists_owner ON lists USING ({_OWNER}) WITH CHECK ({_OWNER})")
        op.execute(f"CREATE POLICY lists_purge_read ON lists FOR SELECT USING ({_GONE})")
        op.execute(f"CREATE POLICY lists_purge ON lists FOR DELETE USING ({_GONE})")
    op.add_column("todos", sa.Column("list_id", sa.Uuid()))
    columns = ["owner", "list_id", "position", "id", "status", "priority", "due_at"]
    op.create_index("todos_live_list", "todos", columns, postgresql_where=_LIVE, sqlite_where=_LIVE)


def downgrade() -> None:
    """All todos are in one list again; the lists are gone for ever."""
    op.drop_index("todos_live_list", "todos")
    with op.batch_alter_table("todos") as todos:
        todos.drop_column("list_id")
    op.drop_table("lists")
