"""The outbox of mails, and the links in them."""

import sqlalchemy as sa
from alembic import op

from auth_service.store.instants import Instant

revision = "0020_mail"
down_revision = "0019_registration"


def upgrade() -> None:
    op.create_table(
        "outgoing_mails",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("recipient", sa.String(254), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("send_before", Instant, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("handed_over", sa.Integer, nullable=False),
        sa.Column("next_at", Instant, nullable=False, index=True),
        sa.Column("claimed_until", Instant),
        sa.Column("failed_at", Instant),
        sa.Column("last_error", sa.String(200)),
        sa.Column("expires_at", Instant, nullable=False, index=True),
    )
    account = sa.ForeignKey("accounts.id", ondelete="CASCADE")
    op.create_table(
        "mailed_links",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        sa.Column("kind", sa.String(32), nullable=False),
        sa.Column("account_id", sa.String(32), account, nullable=False, index=True),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=False, index=True),
        sa.Column("used_at", Instant),
    )
