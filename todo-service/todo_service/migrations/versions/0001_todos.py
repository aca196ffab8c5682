"""Todos, and the key that signs list cursors.

The key is made in a migration because migrations run under a lock. So there is one key, even if several processes start
for the first time at once; all processes use it, also after restarts.
"""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "todos",
        sa.Column("owner", sa.String(255), primary_key=True),
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("title", sa.String(500), nullable=False),
        sa.Column("notes", sa.Text(), nullable=False),
        sa.Column("status", sa.String(10), nullable=False),
        sa.Column("completed_at", sa.DateTime(timezone=True)),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True)),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("status IN ('open', 'done')", name="todos_status"),
        sa.CheckConstraint("priority BETWEEN 0 AND 3", name="todos_priority"),
        sa.CheckConstraint("(status = 'done') = (completed_at IS NOT NULL)", name="todos_completed_at"),
    )
    cursor_key = op.create_table(
        "cursor_key",
        sa.Column("id", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name="cursor_key_one_row"),
    )
    op.bulk_insert(cursor_key, [{"id": 1, "secret": secrets.token_bytes(32)}])


def downgrade() -> None:
    op.drop_table("cursor_key")
    op.drop_table("todos")
