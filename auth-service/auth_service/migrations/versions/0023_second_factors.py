"""Authenticator apps and recovery codes of accounts."""

import sqlalchemy as sa
from alembic import op

from auth_service.store.instants import Instant

revision = "0023_second_factors"
down_revision = "0022_metadata_documents"


def upgrade() -> None:
    op.create_table(
        "totp_factors",
        sa.Column("account_id", sa.String(32), sa.ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("sealed_secret", sa.LargeBinary, nullable=False),
        sa.Column("last_step", sa.BigInteger),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("confirmed_at", Instant),
    )
    op.create_table(
        "recovery_codes",
        sa.Column("code_hash", sa.String(64), primary_key=True),
        sa.Column(
            "account_id", sa.String(32), sa.ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False, index=True
        ),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("used_at", Instant),
    )
    op.add_column("accounts", sa.Column("second_factor_at", Instant))
