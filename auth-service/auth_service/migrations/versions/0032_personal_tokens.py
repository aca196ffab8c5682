"""Personal access tokens."""

import sqlalchemy as sa
from alembic import op

from auth_service.store.instants import Instant

revision = "0032_personal_tokens"
down_revision = "0031_device_codes"


def upgrade() -> None:
    grant = sa.ForeignKey("grants.id", ondelete="CASCADE")
    account = sa.ForeignKey("accounts.id", ondelete="CASCADE")
    op.create_table(
        "personal_tokens",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("account_id", sa.String(32), account, nullable=False, index=True),
        sa.Column("grant_id", sa.String(32), grant, nullable=False, index=True),
        sa.Column("token_hash", sa.String(64), nullable=False, unique=True),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("auth_time", Instant, nullable=False),
        sa.Column("acr", sa.Text, nullable=False),
        sa.Column("amr", sa.Text, nullable=False),
        sa.Column("claims", sa.Text),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("last_used_at", Instant),
        sa.Column("expires_at", Instant, nullable=False, index=True),
    )
