"""Hashes of clients' secrets that have been replaced or revoked, so that provisioning does not bring them back."""

import sqlalchemy as sa
from alembic import op

from auth_service.store.instants import Instant

revision = "0013_revoked_secrets"
down_revision = "0012_answered_requests"


def upgrade() -> None:
    op.create_table(
        "revoked_secrets",
        sa.Column("secret_hash", sa.String(64), primary_key=True),
        sa.Column("client_id", sa.String(64), nullable=False),
        sa.Column("ends_at", Instant, nullable=False),
    )
