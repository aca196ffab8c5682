"""Events about accounts, and their deliveries to receivers."""

import sqlalchemy as sa
from alembic import op

from auth_service.store.instants import Instant

revision = "0007_account_events"
down_revision = "0006_verifier_reports"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "account_events",
        sa.Column("id", sa.String(32), primary_key=True),
        *_event(),
        sa.Column("occurred_at", Instant, nullable=False, index=True),
    )
    op.create_table(
        "event_deliveries",
        sa.Column("jti", sa.String(32), primary_key=True),
        sa.Column(
            "client_id",
            sa.String(64),
            sa.ForeignKey("clients.client_id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        *_event(),
        sa.Column("occurred_at", Instant, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", Instant, nullable=False, index=True),
        sa.Column("expires_at", Instant, nullable=False),
    )


def _event() -> "tuple[sa.Column[str], ...]":
    return (
        sa.Column("type", sa.String(128), nullable=False),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("session_id", sa.String(32)),
    )
