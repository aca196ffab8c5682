"""What an owner keeps is counted in octets; texts are searched in a folded form; indexes for live and deleted todos.

The columns of existing todos are filled in batches of BATCH, each with a transaction of its own, so nobody waits long.
A migration that was interrupted goes on where it ended. While it fills, a policy shows this session, and no other, the
todos of all owners. What the version before writes meanwhile is filled when its owner searches next (todos/filling.py).
"""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

from todo_service.todos import rooms
from todo_service.todos.folding import fold

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

BATCH = 100
_UNFOLDED = "folded_version IS NULL OR folded_version != version"
_IN_THIS_SESSION = "current_setting('todo.filling', true) = 'on'"
_LIVE = {
    "created": ["id", "status", "priority", "due_at", "octets"],
    "updated": ["updated_at", "id", "status", "priority", "due_at"],
    "due": ["due_at", "id", "status", "priority"],
    "priority": ["priority", "id", "status", "due_at"],
    "position": ["position", "id", "status", "priority", "due_at"],
}
_OLD = {"position": "position", "due": "due_at", "priority_order": "priority", "updated": "updated_at"}
_FIND = "SELECT owner, id, title, notes, version FROM todos WHERE folded_version IS NULL LIMIT :batch"
_FILL = (
    "UPDATE todos SET octets = :octets, folded = :folded, folded_version = :version"
    " WHERE owner = :owner AND id = :id AND version = :version"
)


def upgrade() -> None:
    if "octets" not in [column["name"] for column in sa.inspect(op.get_bind()).get_columns("todos")]:
        _add_columns()
    with op.get_context().autocommit_block():  # commits the columns: an interrupted migration finds them
        _fill_all()
    for name, columns in _LIVE.items():
        _index(f"todos_live_{name}", ["owner", *columns], "deleted_at IS NULL")
    deleted = ["owner", "deleted_at", "id", "status", "priority", "due_at", "updated_at", "position", "octets"]
    _index("todos_deleted_of_owner", deleted, "deleted_at IS NOT NULL")
    for name in _OLD:
        op.drop_index(f"todos_{name}", "todos")


def _add_columns() -> None:
    op.add_column("todos", sa.Column("octets", sa.Integer()))
    op.add_column("todos", sa.Column("folded", sa.Text()))
    op.add_column("todos", sa.Column("folded_version", sa.Integer()))
    op.add_column("owners", sa.Column("kept_rows", sa.Integer()))
    op.add_column("owners", sa.Column("kept_octets", sa.BigInteger()))
    op.add_column("owners", sa.Column("kept_at", sa.BigInteger()))
    _index("todos_unfolded", ["owner", "id"], _UNFOLDED)


def _index(name: str, columns: Sequence[str], where: str) -> None:
    op.create_index(name, "todos", columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where))


def _fill_all() -> None:
    connection = op.get_bind()
    is_postgres = connection.dialect.name == "postgresql"
    if is_postgres:
        op.execute("DROP POLICY IF EXISTS todos_filling ON todos")
        op.execute(f"CREATE POLICY todos_filling ON todos TO CURRENT_USER USING ({_IN_THIS_SESSION})")
        op.execute("SET todo.filling = 'on'")
    while rows := connection.execute(sa.text(_FIND), {"batch": BATCH}).mappings().all():
        connection.execute(sa.text(_FILL), [_filled(row) for row in rows])
    if is_postgres:
        op.execute("RESET todo.filling")
        op.execute("DROP POLICY todos_filling ON todos")


def _filled(row: Any) -> dict[str, Any]:
    text = f"{fold(row['title'])}\n{fold(row['notes'])}"
    return {**row, "octets": rooms.of_todo(row["title"], row["notes"]), "folded": text}


def downgrade() -> None:
    for name, column in _OLD.items():
        op.create_index(f"todos_{name}", "todos", ["owner", column, "id"])
    for name in (*(f"live_{order}" for order in _LIVE), "deleted_of_owner", "unfolded"):
        op.drop_index(f"todos_{name}", "todos")
    for table, columns in (
        ("todos", ("octets", "folded", "folded_version")),
        ("owners", ("kept_rows", "kept_octets", "kept_at")),
    ):
        with op.batch_alter_table(table) as altered:
            for column in columns:
                altered.drop_column(column)
