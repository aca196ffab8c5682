"""Pending authorization and logout requests, and consents."""

import sqlalchemy as sa
from alembic import op

from auth_service.store.instants import Instant

revision = "0005_authorization_requests"
down_revision = "0004_grants"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "authorization_requests",
        sa.Column("handle_hash", sa.String(64), primary_key=True),
        sa.Column("browser_hash", sa.String(64)),
        sa.Column(
            "client_id",
            sa.String(64),
            sa.ForeignKey("clients.client_id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("parameters", sa.Text, nullable=False),
        sa.Column("selected_session_id", sa.String(32)),
        sa.Column("consented_session_id", sa.String(32)),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=False, index=True),
    )
    op.create_table(
        "logout_requests",
        sa.Column("handle_hash", sa.String(64), primary_key=True),
        sa.Column("client_id", sa.String(64)),
        sa.Column("session_id", sa.String(32)),
        sa.Column("post_logout_redirect_uri", sa.Text),
        sa.Column("state", sa.Text),
        sa.Column("expires_at", Instant, nullable=False, index=True),
    )
    op.create_table(
        "consents",
        sa.Column("account_id", sa.String(32), sa.ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
        sa.Column(
            "client_id",
            sa.String(64),
            sa.ForeignKey("clients.client_id", ondelete="CASCADE"),
            primary_key=True,
            index=True,
        ),
        sa.Column("resource", sa.String(2048), primary_key=True),
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
    )
