"""The audit trail."""

import sqlalchemy as sa
from alembic import op

from auth_service.store.instants import Instant

revision = "0016_audit_events"
down_revision = "0015_sign_ins_of_requests"


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "audit_events",
        sa.Column("id", number, primary_key=True, autoincrement=True),
        sa.Column("occurred_at", Instant, nullable=False, index=True),
        sa.Column("last_at", Instant, nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(32)),
        sa.Column("client_id", sa.String(64)),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("counted_as", sa.String(200), unique=True),
    )
    for column in ("account_id", "client_id"):
        op.create_index(f"ix_audit_events_{column}", "audit_events", [column, "occurred_at"])
