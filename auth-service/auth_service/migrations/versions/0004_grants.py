"""Grants, authorization codes, refresh tokens and clients' origins; the time of a session's last authentication."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from auth_service.clients.origins import origins_of
from auth_service.store.instants import Instant

revision = "0004_grants"
down_revision = "0003_clients"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("clients", sa.Column("tokens_revoked_at", Instant))
    _add_authenticated_at()
    _create_grants()
    _create_codes_and_tokens()
    _create_client_origins()


def _add_authenticated_at() -> None:
    op.add_column("browser_sessions", sa.Column("authenticated_at", Instant))
    op.execute("UPDATE browser_sessions SET authenticated_at = created_at")
    with op.batch_alter_table("browser_sessions") as table:
        table.alter_column("authenticated_at", existing_type=Instant(), nullable=False)


def _create_grants() -> None:
    live = sa.text("ended_at IS NULL")
    op.create_table(
        "grants",
        sa.Column("id", sa.String(32), primary_key=True),
        _parent("account_id", "accounts.id", 32),
        sa.Column("session_id", sa.String(32), nullable=False),
        _parent("client_id", "clients.client_id", 64),
        sa.Column("is_offline", sa.Boolean, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("ended_at", Instant, index=True),
    )
    op.create_index(
        "uq_grants_live",
        "grants",
        ["session_id", "client_id", "is_offline"],
        unique=True,
        sqlite_where=live,
        postgresql_where=live,
    )


def _create_codes_and_tokens() -> None:
    op.create_table(
        "authorization_codes",
        sa.Column("code_hash", sa.String(64), primary_key=True),
        _parent("grant_id", "grants.id", 32),
        sa.Column("redirect_uri", sa.Text, nullable=False),
        sa.Column("code_challenge", sa.String(128)),
        sa.Column("nonce", sa.Text),
        *_authorized(),
        sa.Column("created_at", Instant, nullable=False, index=True),
        sa.Column("expires_at", Instant, nullable=False),
        sa.Column("redeemed_at", Instant),
    )
    op.create_table(
        "refresh_token_families",
        sa.Column("locator_hash", sa.String(64), primary_key=True),
        _parent("grant_id", "grants.id", 32),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("parent_hash", sa.String(64)),
        sa.Column("sealed_successor", sa.LargeBinary),
        sa.Column("rotated_at", Instant, index=True),
        *_authorized(),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, index=True),
    )


def _parent(name: str, key: str, length: int) -> "sa.Column[str]":
    return sa.Column(name, sa.String(length), sa.ForeignKey(key, ondelete="CASCADE"), nullable=False, index=True)


def _authorized() -> "tuple[sa.Column[Any], ...]":
    return (
        sa.Column("scope", sa.Text, nullable=False),
        sa.Column("resource", sa.Text, nullable=False),
        sa.Column("auth_time", Instant, nullable=False),
        sa.Column("acr", sa.Text, nullable=False),
        sa.Column("amr", sa.Text, nullable=False),
        sa.Column("claims", sa.Text),
    )


def _create_client_origins() -> None:
    """Create the table and fill it from the existing clients; later, registering or updating a client does the same."""
    origins = op.create_table(
        "client_origins",
        sa.Column("client_id", sa.String(64), sa.ForeignKey("clients.client_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("origin", sa.String(2048), primary_key=True, index=True),
    )
    clients = op.get_bind().execute(sa.text("SELECT client_id, registered FROM clients")).all()
    for client_id, registered in clients:
        for origin in origins_of(json.loads(registered)["redirect_uris"]):
            op.get_bind().execute(origins.insert().values(client_id=client_id, origin=origin))
