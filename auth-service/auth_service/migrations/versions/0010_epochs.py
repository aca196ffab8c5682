"""The epoch and the version of each status list. The lists that there are keep their names, and so their tokens.

Processes of the version before this one set bits without raising a list's version. While they still run, such a bit is
noticed when the list is signed anew, after 30 s at most.
"""

import sqlalchemy as sa
from alembic import op

revision = "0010_epochs"
down_revision = "0009_delivery_errors"


def upgrade() -> None:
    op.add_column("status_lists", sa.Column("epoch", sa.BigInteger, nullable=False, server_default="0"))
    op.add_column("status_lists", sa.Column("version", sa.Integer, nullable=False, server_default="0"))
    op.execute(
        "UPDATE status_lists SET version = (SELECT count(*) FROM status_indexes"
        " WHERE list_id = status_lists.id AND revoked_at IS NOT NULL)"
    )
