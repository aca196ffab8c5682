"""Answers of authorization requests, so that a form that is sent again gets the same one."""

import sqlalchemy as sa
from alembic import op

from auth_service.store.instants import Instant

revision = "0012_answered_requests"
down_revision = "0011_pkce_or_nonce"


def upgrade() -> None:
    op.add_column("authorization_requests", sa.Column("answered_at", Instant))
    op.add_column("authorization_requests", sa.Column("answered_session_id", sa.String(32)))
    op.add_column("authorization_requests", sa.Column("refusal", sa.Text))
