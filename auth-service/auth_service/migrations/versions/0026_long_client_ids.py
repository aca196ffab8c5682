"""client_ids that are longer than the columns that name a client (store/client_ids.py)."""

import sqlalchemy as sa
from alembic import op

revision = "0026_long_client_ids"
down_revision = "0025_sign_in_challenges"


def upgrade() -> None:
    for table in ("clients", "grants", "consents", "logout_requests", "audit_events"):
        op.add_column(table, sa.Column("client_url", sa.Text))
