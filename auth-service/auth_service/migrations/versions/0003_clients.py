"""OAuth clients, and their used assertions."""

import sqlalchemy as sa
from alembic import op

from auth_service.store.instants import Instant

revision = "0003_clients"
down_revision = "0002_attempts_leases_suspension"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "clients",
        sa.Column("client_id", sa.String(64), primary_key=True),
        sa.Column("registered", sa.Text, nullable=False),
        sa.Column("secret_hash", sa.String(64)),
        sa.Column("previous_secret_hash", sa.String(64)),
        sa.Column("previous_secret_expires_at", Instant),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
    )
    op.create_table(
        "used_assertions",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("expires_at", Instant, nullable=False, index=True),
    )
