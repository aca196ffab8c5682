"""DPoP: the key that a code or a family of refresh tokens is bound to."""

import sqlalchemy as sa
from alembic import op

revision = "0027_dpop"
down_revision = "0026_long_client_ids"


def upgrade() -> None:
    op.add_column("authorization_codes", sa.Column("dpop_jkt", sa.String(64)))
    op.add_column("refresh_token_families", sa.Column("dpop_jkt", sa.String(64)))
