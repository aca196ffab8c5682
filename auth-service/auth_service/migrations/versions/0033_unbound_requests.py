"""An index of the authorization requests that wait for their browsers, to count those of a client."""

import sqlalchemy as sa
from alembic import op

revision = "0033_unbound_requests"
down_revision = "0032_personal_tokens"


def upgrade() -> None:
    unbound = sa.text("browser_hash IS NULL")
    op.create_index(
        "ix_authorization_requests_unbound",
        "authorization_requests",
        ["client_id", "expires_at"],
        sqlite_where=unbound,
        postgresql_where=unbound,
    )
