"""Sign-ins that wait for a second factor."""

import sqlalchemy as sa
from alembic import op

from auth_service.store.instants import Instant

revision = "0025_sign_in_challenges"
down_revision = "0024_authentication_methods"


def upgrade() -> None:
    account = sa.ForeignKey("accounts.id", ondelete="CASCADE")
    op.create_table(
        "sign_in_challenges",
        sa.Column("token_hash", sa.String(64), primary_key=True),
        sa.Column("account_id", sa.String(32), account, nullable=False, index=True),
        sa.Column("credential_hash", sa.String(64), nullable=False),
        sa.Column("amr", sa.String(64), nullable=False),
        sa.Column("is_remembered", sa.Boolean, nullable=False),
        sa.Column("codes", sa.Integer, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=False, index=True),
    )
