"""When somebody asked to get into an account without its second factor, and from when that is possible."""

import sqlalchemy as sa
from alembic import op

from auth_service.store.instants import Instant

revision = "0037_recovery"
down_revision = "0036_upstreams"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("recovery_started_at", Instant))
    op.add_column("accounts", sa.Column("recovery_ready_at", Instant))
