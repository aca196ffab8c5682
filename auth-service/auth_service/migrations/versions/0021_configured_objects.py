"""Which configuration file an API, a group or a client came from."""

import sqlalchemy as sa
from alembic import op

from auth_service.store.instants import Instant

revision = "0021_configured_objects"
down_revision = "0020_mail"


def upgrade() -> None:
    op.create_table(
        "configured_objects",
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("name", sa.String(1024), primary_key=True),
        sa.Column("configuration", sa.String(64), nullable=False, index=True),
        sa.Column("created_at", Instant, nullable=False),
    )
