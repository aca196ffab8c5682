"""Clients that authenticate: `require_pkce` true, which until now was the default, becomes the new default, no value.

With it such a client sends a code_challenge, or a nonce with `openid`. An operator who insists on the first sets the
member again; the old default and an operator's own `true` look the same.
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0011_pkce_or_nonce"
down_revision = "0010_epochs"

CLIENTS = sa.table("clients", sa.column("client_id", sa.String), sa.column("registered", sa.Text))


def upgrade() -> None:
    connection = op.get_bind()
    for client_id, registered in connection.execute(sa.select(CLIENTS.c.client_id, CLIENTS.c.registered)).all():
        members = json.loads(registered)
        is_public = members.get("token_endpoint_auth_method") == "none"
        if members.get("require_pkce") is True and not is_public:
            del members["require_pkce"]
            changed = sa.update(CLIENTS).where(CLIENTS.c.client_id == client_id)
            connection.execute(changed.values(registered=json.dumps(members)))
