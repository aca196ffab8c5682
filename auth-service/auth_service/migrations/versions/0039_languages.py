"""The language that a person reads."""

import sqlalchemy as sa
from alembic import op

revision = "0039_languages"
down_revision = "0038_profiles"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("language", sa.String(8)))
