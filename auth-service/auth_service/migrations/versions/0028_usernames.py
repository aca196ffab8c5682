"""User names of accounts, and those that were ever given."""

import sqlalchemy as sa
from alembic import op

from auth_service.store.instants import Instant

revision = "0028_usernames"
down_revision = "0027_dpop"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("username", sa.String(64)))
    op.create_table(
        "given_usernames",
        sa.Column("username_hash", sa.String(64), primary_key=True),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("created_at", Instant, nullable=False),
    )
