"""Tables of password attempts and leases; columns for an account's suspension and a key's retirement."""

import sqlalchemy as sa
from alembic import op

from auth_service.store.instants import Instant

revision = "0002_attempts_leases_suspension"
down_revision = "0001_accounts_sessions_keys"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("accounts", sa.Column("suspended_at", Instant))
    op.add_column("signing_keys", sa.Column("retired_at", Instant))
    op.create_table(
        "attempts",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("next_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=False, index=True),
    )
    op.create_index("ix_attempts_least_tried", "attempts", ["count", "expires_at"])
    op.create_table(
        "leases",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("holder", sa.String(64), nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
    )
