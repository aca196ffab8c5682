"""Streams of events wait for changes of many owners: on PostgreSQL a policy shows their counters, and nothing else.

The process names the owners whose streams it serves in a setting of the transaction, as a JSON array.
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_WATCHED = "SELECT jsonb_array_elements_text(nullif(current_setting('todo.watching', true), '')::jsonb)"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"CREATE POLICY owners_watched ON owners FOR SELECT USING (owner IN ({_WATCHED}))")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP POLICY owners_watched ON owners")
