"""Optional claims about people."""

import sqlalchemy as sa
from alembic import op

revision = "0038_profiles"
down_revision = "0037_recovery"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("profile", sa.Text))
