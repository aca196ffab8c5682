"""The registry of APIs. Before, the todo API and the client `web` were built in; what uses them is kept alive.

Consents are split: scopes about the person are remembered under the issuer, the API's own under the API.
"""

import json
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import context, op

from auth_service.store.instants import Instant

revision = "0014_resources"
down_revision = "0013_revoked_secrets"
branch_labels = None
depends_on = None

API_PATH = "/api/v1"
IDENTITY = {"openid", "profile", "email", "offline_access"}
SCOPES = {"todos:read": "Read your todos", "todos:write": "Add, change and delete your todos"}


def upgrade() -> None:
    resources = op.create_table(
        "resources",
        sa.Column("resource", sa.String(1024), primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("roles", sa.Text, nullable=False),
        sa.Column("access_token_ttl", sa.Integer),
        sa.Column("access_token_signing_alg", sa.String(16), nullable=False),
        sa.Column("clients", sa.String(16), nullable=False),
        sa.Column("identity", sa.Boolean, nullable=False),
        sa.Column("groups", sa.Boolean, nullable=False),
        sa.Column("listed", sa.Boolean, nullable=False),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
    )
    scopes = op.create_table(
        "resource_scopes",
        sa.Column("scope", sa.String(64), primary_key=True),
        sa.Column(
            "resource",
            sa.String(1024),
            sa.ForeignKey("resources.resource", ondelete="CASCADE"),
            nullable=False,
            index=True,
        ),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("sentence", sa.Text, nullable=False),
    )
    issuer = context.config.attributes.get("issuer")
    if issuer is not None and _is_in_use():
        _register(resources, scopes, issuer)
        _split_consents(issuer)


def _is_in_use() -> bool:
    """Whether this database belongs to a running deployment. The set-up of a new one registers them."""
    found = op.get_bind().execute(sa.text("SELECT EXISTS (SELECT 1 FROM accounts) OR EXISTS (SELECT 1 FROM clients)"))
    return bool(found.scalar())


def _register(resources: sa.Table, scopes: sa.Table, issuer: str) -> None:
    api, now = f"{issuer}{API_PATH}", datetime.now(UTC)
    op.get_bind().execute(
        resources.insert().values(
            resource=api,
            name="Todos",
            roles="{}",
            access_token_signing_alg="RS256",  # noqa: S106 - the name of an algorithm
            clients="registered",
            identity=True,
            groups=False,
            listed=True,
            created_at=now,
            updated_at=now,
        )
    )
    for position, (scope, sentence) in enumerate(SCOPES.items()):
        op.get_bind().execute(scopes.insert().values(scope=scope, resource=api, position=position, sentence=sentence))
    registered = {
        "client_name": "Web application",
        "grant_types": [],
        "response_types": [],
        "token_endpoint_auth_method": "none",
        "scope": " ".join(SCOPES),
        "redirect_uris": [],
        "post_logout_redirect_uris": [],
        "default_resource": api,
        "require_pkce": True,
        "first_party": True,
    }
    clients = sa.table(
        "clients",
        sa.column("client_id"),
        sa.column("registered"),
        sa.column("created_at", Instant),
        sa.column("updated_at", Instant),
    )
    op.get_bind().execute(
        clients.insert().values(client_id="web", registered=json.dumps(registered), created_at=now, updated_at=now)
    )


def _split_consents(issuer: str) -> None:
    consents = sa.table(
        "consents",
        sa.column("account_id"),
        sa.column("client_id"),
        sa.column("resource"),
        sa.column("scope"),
        sa.column("created_at", Instant),
        sa.column("updated_at", Instant),
    )
    parts: dict[tuple[str, str, str], dict[str, Any]] = {}
    for row in op.get_bind().execute(sa.select(consents)).mappings().all():
        scopes = set(json.loads(row["scope"]))
        divided = {issuer: scopes & IDENTITY, f"{issuer}{API_PATH}": scopes - IDENTITY}
        if row["resource"] == f"{issuer}{API_PATH}":
            divided = {name: part for name, part in divided.items() if part or name != issuer}
        else:
            divided = {name: part for name, part in divided.items() if part}
        if row["resource"] not in (issuer, f"{issuer}{API_PATH}"):
            continue  # of another issuer: nothing was ever asked for it under this name
        for resource, part in divided.items():
            key = row["account_id"], row["client_id"], resource
            kept = parts.setdefault(key, {**row, "resource": resource, "scope": set()})
            kept["scope"] |= part
            kept["created_at"] = min(kept["created_at"], row["created_at"])
            kept["updated_at"] = max(kept["updated_at"], row["updated_at"])
    ours = consents.c.resource.in_([issuer, f"{issuer}{API_PATH}"])
    op.get_bind().execute(consents.delete().where(ours))
    for kept in parts.values():
        op.get_bind().execute(consents.insert().values({**kept, "scope": json.dumps(sorted(kept["scope"]))}))
