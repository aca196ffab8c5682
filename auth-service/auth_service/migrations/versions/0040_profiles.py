"""Optional claims about people."""

import sqlalchemy as sa
from alembic import op

revision = "0040_profiles"
down_revision = "0035_passkeys"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("profile", sa.Text))
