"""Which sign-in an authorization request got, and the `max_age` of codes."""

import sqlalchemy as sa
from alembic import op

revision = "0016_sign_ins_of_requests"
down_revision = "0015_audit_events"


def upgrade() -> None:
    op.add_column("authorization_requests", sa.Column("signed_in_session_id", sa.String(32)))
    op.add_column("authorization_requests", sa.Column("is_sign_in_new", sa.Boolean))
    op.add_column("authorization_codes", sa.Column("max_age", sa.Integer))
