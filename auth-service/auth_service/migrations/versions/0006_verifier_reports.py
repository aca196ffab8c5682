"""Verifier reports. Private keys of retiring keys are destroyed."""

import sqlalchemy as sa
from alembic import op

from auth_service.store.instants import Instant

revision = "0006_verifier_reports"
down_revision = "0005_authorization_requests"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "verifier_reports",
        sa.Column("key", sa.String(160), primary_key=True),
        sa.Column(
            "client_id",
            sa.String(64),
            sa.ForeignKey("clients.client_id", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("instance", sa.String(64), nullable=False),
        sa.Column("kids", sa.Text, nullable=False),
        sa.Column("status_lists", sa.Text, nullable=False),
        sa.Column("held_since", Instant, nullable=False),
        sa.Column("reported_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=False, index=True),
    )
    keys = sa.table("signing_keys", sa.column("state"), sa.column("encrypted_private_key", sa.LargeBinary))
    op.execute(keys.update().where(keys.c.state == "retiring").values(encrypted_private_key=b""))
