"""The ids of received account events, so that each event takes effect once."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "received_events",
        sa.Column("jti", sa.String(128), primary_key=True),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("received_events_expiry", "received_events", ["expires_at"])


def downgrade() -> None:
    op.drop_table("received_events")
