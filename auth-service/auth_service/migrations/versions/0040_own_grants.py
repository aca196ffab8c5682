"""Grants of their own, for devices and programs."""

import sqlalchemy as sa
from alembic import op

revision = "0040_own_grants"
down_revision = "0039_languages"


def upgrade() -> None:
    op.add_column("grants", sa.Column("begun_in", sa.String(32)))
    op.add_column("grants", sa.Column("address", sa.String(45)))
    op.add_column("grants", sa.Column("user_agent", sa.String(512)))
    op.create_index("ix_grants_begun_in", "grants", ["begun_in"])
