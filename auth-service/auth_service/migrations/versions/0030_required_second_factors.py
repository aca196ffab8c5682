"""Who has to have a second factor: accounts, and roles at an API."""

import sqlalchemy as sa
from alembic import op

from auth_service.store.instants import Instant

revision = "0030_required_second_factors"
down_revision = "0029_trusted_browsers_and_codes"


def upgrade() -> None:
    op.add_column("accounts", sa.Column("second_factor_required_at", Instant))
    op.add_column("resources", sa.Column("second_factor_roles", sa.Text))
