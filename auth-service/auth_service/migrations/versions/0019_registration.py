"""Clients that register themselves: where each came from, its registration access token, and initial access tokens."""

import sqlalchemy as sa
from alembic import op

from auth_service.store.instants import Instant

revision = "0019_registration"
down_revision = "0018_roles"


def upgrade() -> None:
    op.add_column("clients", sa.Column("registered_by", sa.String(64)))
    op.add_column("clients", sa.Column("registration_token_hash", sa.String(64)))
    op.add_column("clients", sa.Column("unused_until", Instant))
    op.create_index("ix_clients_unused_until", "clients", ["unused_until"])
    op.create_table(
        "registration_tokens",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("uses", sa.Integer, nullable=False),
        sa.Column("uses_left", sa.Integer, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
    )
    op.create_index("ix_registration_tokens_token_hash", "registration_tokens", ["token_hash"], unique=True)
    op.create_index("ix_registration_tokens_expires_at", "registration_tokens", ["expires_at"])
