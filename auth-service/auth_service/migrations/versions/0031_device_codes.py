"""Device codes (RFC 8628)."""

import sqlalchemy as sa
from alembic import op

from auth_service.store.instants import Instant

revision = "0031_device_codes"
down_revision = "0030_required_second_factors"


def upgrade() -> None:
    client = sa.ForeignKey("clients.client_id", ondelete="CASCADE")
    op.create_table(
        "device_codes",
        sa.Column("code_hash", sa.String(64), primary_key=True),
        sa.Column("user_code_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("client_id", sa.String(64), client, index=True),
        sa.Column("client_metadata", sa.Text),
        sa.Column("client_hash", sa.String(64), nullable=False),
        sa.Column("parameters", sa.Text, nullable=False),
        sa.Column("interval", sa.Integer, nullable=False),
        sa.Column("next_poll_at", Instant, nullable=False),
        sa.Column("browser_hash", sa.String(64)),
        sa.Column("answered_at", Instant),
        sa.Column("is_allowed", sa.Boolean),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("ends_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=False, index=True),
    )
    op.create_index("ix_device_codes_client_hash", "device_codes", ["client_hash", "ends_at"])
