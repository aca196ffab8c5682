"""The platform tokens that prove clients."""

import sqlalchemy as sa
from alembic import op

revision = "0034_workloads"
down_revision = "0033_unbound_requests"


def upgrade() -> None:
    client = sa.ForeignKey("clients.client_id", ondelete="CASCADE")
    op.create_table(
        "client_workloads",
        sa.Column("workload_hash", sa.String(64), primary_key=True),
        sa.Column("client_id", sa.String(64), client, nullable=False, index=True),
    )
