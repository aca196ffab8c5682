"""Clients whose client_id is the URL of their metadata document: requests of clients that have no row."""

import sqlalchemy as sa
from alembic import op

revision = "0022_metadata_documents"
down_revision = "0021_configured_objects"


def upgrade() -> None:
    with op.batch_alter_table("authorization_requests") as requests:
        requests.alter_column("client_id", existing_type=sa.String(64), nullable=True)
        requests.add_column(sa.Column("client_metadata", sa.Text))
