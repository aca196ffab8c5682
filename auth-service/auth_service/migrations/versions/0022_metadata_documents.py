"""Clients whose client_id is the URL of their metadata document: longer ids, and requests of clients without a row.

SQLite does not enforce the length of a text, so there the columns stay as they are (store/rows.py).
"""

import sqlalchemy as sa
from alembic import op

revision = "0022_metadata_documents"
down_revision = "0021_configured_objects"

TABLES = (
    *("clients", "client_origins", "consents", "grants", "authorization_requests", "logout_requests", "audit_events"),
    *("event_deliveries", "verifier_reports"),
)


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in TABLES:
            op.alter_column(table, "client_id", type_=sa.String(255))
    with op.batch_alter_table("authorization_requests") as requests:
        requests.alter_column("client_id", existing_type=sa.String(64), nullable=True)
        requests.add_column(sa.Column("client_metadata", sa.Text))
