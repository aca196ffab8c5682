"""Roles of accounts and of clients at APIs, and groups of accounts."""

import sqlalchemy as sa
from alembic import op

from auth_service.store.instants import Instant

revision = "0018_roles"
down_revision = "0017_logouts"


def _references(name: str, length: int, key: str, *, index: bool = False) -> sa.Column[str]:
    target = sa.ForeignKey(key, ondelete="CASCADE")
    return sa.Column(name, sa.String(length), target, primary_key=True, index=index)


def upgrade() -> None:
    op.create_table(
        "account_roles",
        _references("account_id", 32, "accounts.id"),
        _references("resource", 1024, "resources.resource", index=True),
        sa.Column("role", sa.String(64), primary_key=True),
        sa.Column("created_at", Instant, nullable=False),
    )
    op.create_table(
        "groups",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("description", sa.Text, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
    )
    op.create_table(
        "group_members",
        _references("account_id", 32, "accounts.id"),
        _references("group_name", 64, "groups.name", index=True),
        sa.Column("created_at", Instant, nullable=False),
    )
    # The version before this one still makes clients while the new one starts, so the column has a default.
    op.add_column("clients", sa.Column("roles", sa.Text, nullable=False, server_default="{}"))
