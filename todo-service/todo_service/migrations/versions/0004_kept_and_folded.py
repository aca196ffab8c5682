"""Columns for what an owner keeps, counted in octets, and for the folded form in which texts are searched."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_UNFOLDED = sa.text("folded_version IS NULL OR folded_version != version")


def upgrade() -> None:
    op.add_column("todos", sa.Column("octets", sa.Integer()))
    op.add_column("todos", sa.Column("folded", sa.Text()))
    op.add_column("todos", sa.Column("folded_version", sa.Integer()))
    op.add_column("owners", sa.Column("kept_rows", sa.Integer()))
    op.add_column("owners", sa.Column("kept_octets", sa.BigInteger()))
    op.add_column("owners", sa.Column("kept_at", sa.BigInteger()))
    op.create_index("todos_unfolded", "todos", ["owner", "id"], postgresql_where=_UNFOLDED, sqlite_where=_UNFOLDED)


def downgrade() -> None:
    op.drop_index("todos_unfolded", "todos")
    for table, columns in (
        ("todos", ("octets", "folded", "folded_version")),
        ("owners", ("kept_rows", "kept_octets", "kept_at")),
    ):
        with op.batch_alter_table(table) as altered:
            for column in columns:
                altered.drop_column(column)
