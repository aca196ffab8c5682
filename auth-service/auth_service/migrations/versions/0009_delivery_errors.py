"""The last error of an event delivery, for operators."""

import sqlalchemy as sa
from alembic import op

revision = "0009_delivery_errors"
down_revision = "0008_status_lists"


def upgrade() -> None:
    op.add_column("event_deliveries", sa.Column("last_error", sa.String(200)))
