"""Browsers that need not show a code, and codes by mail."""

import sqlalchemy as sa
from alembic import op

from auth_service.store.instants import Instant

revision = "0029_trusted_browsers_and_codes"
down_revision = "0028_usernames"


def upgrade() -> None:
    op.create_table(
        "trusted_browsers",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column(
            "account_id", sa.String(32), sa.ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False, index=True
        ),
        sa.Column("tag", sa.String(32), nullable=False),
        sa.Column("ip_address", sa.String(45), nullable=False),
        sa.Column("user_agent", sa.String(512), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("used_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=False, index=True),
    )
    op.create_table(
        "sign_in_codes",
        sa.Column("browser_hash", sa.String(64), primary_key=True),
        sa.Column("email", sa.String(254), nullable=False, index=True),
        sa.Column("code_hash", sa.String(64), nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=False, index=True),
    )
