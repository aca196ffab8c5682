"""Events for one receiver only: a client that a person used in a session that has ended."""

import sqlalchemy as sa
from alembic import op

revision = "0017_logouts"
down_revision = "0016_sign_ins_of_requests"


def upgrade() -> None:
    op.add_column("account_events", sa.Column("client_id", sa.String(64)))
