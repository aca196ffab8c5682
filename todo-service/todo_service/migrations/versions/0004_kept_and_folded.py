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
_COLUMNS: dict[str, dict[str, Any]] = {
    "todos": {"octets": sa.Integer, "folded": sa.Text, "folded_version": sa.Integer},
    "owners": {"kept_rows": sa.Integer, "kept_octets": sa.BigInteger, "kept_at": sa.BigInteger},
}
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
    with op.get_context().autocommit_block():  # each step is kept: an interrupted migration goes on after it
        _add_columns()
        _fill_all()
    if op.get_bind().dialect.name == "postgresql":
        op.execute("LOCK TABLE todos IN ACCESS EXCLUSIVE MODE")  # at once: DROP INDEX after CREATE INDEX would deadlock
    for name, columns in _LIVE.items():
        _index(f"todos_live_{name}", ["owner", *columns], "deleted_at IS NULL")
    deleted = ["owner", "deleted_at", "id", "status", "priority", "due_at", "updated_at", "position", "octets"]
    _index("todos_deleted_of_owner", deleted, "deleted_at IS NOT NULL")
    for name in _OLD:
        op.drop_index(f"todos_{name}", "todos")


def _add_columns() -> None:
    """One statement and one lock at a time: a request that has one of the two tables may wait for the other."""
    inspected = sa.inspect(op.get_bind())
    for table, columns in _COLUMNS.items():
        known = {column["name"] for column in inspected.get_columns(table)}
        for name, kind in columns.items():
            if name not in known:
                op.add_column(table, sa.Column(name, kind()))
    if "todos_unfolded" not in {index["name"] for index in inspected.get_indexes("todos")}:
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
    for table, columns in _COLUMNS.items():
        with op.batch_alter_table(table) as altered:
            for column in columns:
                altered.drop_column(column)
