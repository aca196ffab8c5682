"""Passkeys of accounts, and their challenges that were answered."""

import sqlalchemy as sa
from alembic import op

from auth_service.store.instants import Instant

revision = "0035_passkeys"
down_revision = "0034_workloads"


def upgrade() -> None:
    account = sa.ForeignKey("accounts.id", ondelete="CASCADE")
    op.create_table(
        "passkeys",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("account_id", sa.String(32), account, nullable=False, index=True),
        sa.Column("credential_id", sa.String(1364), nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("sign_count", sa.BigInteger, nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("aaguid", sa.String(36), nullable=False),
        sa.Column("transports", sa.String(128), nullable=False),
        sa.Column("is_synced", sa.Boolean, nullable=False),
        sa.Column("is_backed_up", sa.Boolean, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
        sa.Column("last_used_at", Instant),
        sa.UniqueConstraint("credential_id"),
    )
    op.create_table(
        "used_challenges",
        sa.Column("challenge_hash", sa.String(64), primary_key=True),
        sa.Column("expires_at", Instant, nullable=False, index=True),
    )
