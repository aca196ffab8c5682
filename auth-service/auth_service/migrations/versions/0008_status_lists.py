"""Status lists, their indexes, and the keys that sign them."""

import sqlalchemy as sa
from alembic import op

from auth_service.store.instants import Instant

revision = "0008_status_lists"
down_revision = "0007_account_events"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _divide_signing_keys()
    _create_lists()
    for table in ("browser_sessions", "grants", "clients"):
        op.add_column(table, sa.Column("status_list_id", sa.Integer))
        op.add_column(table, sa.Column("status_index", sa.Integer))


def _divide_signing_keys() -> None:
    """Allow one active key and one spare per purpose, instead of one in all."""
    op.add_column("signing_keys", sa.Column("purpose", sa.String(16), nullable=False, server_default="tokens"))
    for state in ("active", "next"):
        op.drop_index(f"uq_signing_keys_{state}", "signing_keys")
        _create_partial_index(f"uq_signing_keys_{state}", "signing_keys", "purpose", f"state = '{state}'", unique=True)


def _create_lists() -> None:
    op.create_table(
        "status_lists",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("opened_at", Instant),
        sa.Column("closed_at", Instant),
    )
    for state in ("open", "next"):
        _create_partial_index(f"uq_status_lists_{state}", "status_lists", "state", f"state = '{state}'", unique=True)
    op.create_table(
        "status_indexes",
        sa.Column("list_id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("idx", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("holder_id", sa.String(64), nullable=False, index=True),
        sa.Column("revoked_at", Instant),
    )
    _create_partial_index(
        "ix_status_indexes_revoked", "status_indexes", "list_id", "revoked_at IS NOT NULL", unique=False
    )


def _create_partial_index(name: str, table: str, column: str, condition: str, *, unique: bool) -> None:
    where = sa.text(condition)
    op.create_index(name, table, [column], unique=unique, sqlite_where=where, postgresql_where=where)
