"""How the person of a session was authenticated."""

import sqlalchemy as sa
from alembic import op

from auth_service.store.instants import Instant

revision = "0024_authentication_methods"
down_revision = "0023_second_factors"


def upgrade() -> None:
    op.add_column("browser_sessions", sa.Column("amr", sa.String(64)))
    op.add_column("browser_sessions", sa.Column("second_factor_at", Instant))
