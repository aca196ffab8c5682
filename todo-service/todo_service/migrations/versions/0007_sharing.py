"""Lists that are shared: members, invitations, and todos that left a shared list.

On PostgreSQL the policies look the membership up themselves: a member reads the todos of the shared list, an editor
also adds and changes them. So a statement that forgets to compare the list shows a member nothing more, and a
transaction that is opened for a stranger shows nothing at all.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_OWNER = "owner = current_setting('todo.owner', true)"
_ME = "current_setting('todo.member', true)"
_HELD = "encode(token_hash, 'hex') = current_setting('todo.invitation', true)"
_GONE = "{column} < nullif(current_setting('todo.purge_before', true), '')::timestamptz"


def _shared(table: str, and_: str = "") -> str:
    """Whether the transaction's member has a membership, in rows of the owner that it was opened for, or of anybody.

    PostgreSQL compares a table's policies in the order of their names, and this one is not looked at for own rows.
    """
    return (
        f"coalesce(current_setting('todo.shared_by', true), '') IN ({table}.owner, '*') AND EXISTS"  # noqa: S608 - names of this file
        f" (SELECT 1 FROM members WHERE members.member = {_ME} AND members.owner = {table}.owner"
        f" AND members.deleted_at IS NULL{and_})"
    )


def _in_list(table: str, column: str = "list_id") -> str:
    return f" AND members.list_id = {table}.{column}"


_EDITOR = " AND members.role = 'editor'"
_INVITED = (
    "EXISTS (SELECT 1 FROM invitations WHERE invitations.owner = {table}.owner"
    " AND encode(invitations.token_hash, 'hex') = current_setting('todo.invitation', true){more})"
)


def upgrade() -> None:
    _create_tables()
    if op.get_bind().dialect.name != "postgresql":
        op.add_column("lists", sa.Column("members", sa.Integer(), nullable=False, server_default=sa.text("0")))
    else:
        for table in ("members", "invitations", "departures"):
            op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
            op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
            op.execute(f"CREATE POLICY {table}_owner ON {table} USING ({_OWNER}) WITH CHECK ({_OWNER})")
        for policy in (*_protect_members(), *_protect_invitations()):
            op.execute(policy)
        # The version before serves meanwhile, and waits for what changes its tables. So that comes last, and at once.
        op.execute(";\n".join(["ALTER TABLE lists ADD COLUMN members INTEGER DEFAULT 0 NOT NULL", *_open_lists()]))


def _create_tables() -> None:
    owner, role = sa.String(255), sa.String(10)
    op.create_table(
        "members",
        sa.Column("owner", owner, primary_key=True),
        sa.Column("list_id", sa.Uuid(), primary_key=True),
        sa.Column("member", owner, primary_key=True),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("role", role, nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("shared_by", sa.String(100), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("role IN ('editor', 'viewer')", name="members_role"),
    )
    op.create_index("members_member", "members", ["member"])
    op.create_index("members_deleted", "members", ["deleted_at"], postgresql_where=sa.text("deleted_at IS NOT NULL"))
    op.create_table(
        "invitations",
        sa.Column("owner", owner, primary_key=True),
        sa.Column("id", sa.Uuid(), primary_key=True),
        sa.Column("list_id", sa.Uuid(), nullable=False),
        sa.Column("role", role, nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False, unique=True),
        sa.Column("shared_by", sa.String(100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_by", owner),
        sa.CheckConstraint("role IN ('editor', 'viewer')", name="invitations_role"),
    )
    op.create_index("invitations_expiry", "invitations", ["expires_at"])
    op.create_table(
        "departures",
        sa.Column("owner", owner, primary_key=True),
        sa.Column("list_id", sa.Uuid(), primary_key=True),
        sa.Column("todo_id", sa.Uuid(), primary_key=True),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("departures_sequence", "departures", ["owner", "sequence"])
    op.create_index("departures_left", "departures", ["left_at"])


def _policy(name: str, table: str, command: str, using: str = "", check: str = "") -> str:
    clauses = [f"USING ({using})" if using else "", f"WITH CHECK ({check})" if check else ""]
    return f"CREATE POLICY {table}_{name} ON {table} FOR {command} {' '.join(clauses)}"


def _purged(table: str, column: str) -> list[str]:
    gone = _GONE.format(column=column)
    return [_policy("purge_read", table, "SELECT", gone), _policy("purge", table, "DELETE", gone)]


def _protect_members() -> list[str]:
    """Everybody sees and ends its own memberships. One begins with an invitation to this list, for this role."""
    mine = f"member IN ({_ME}, current_setting('todo.owner', true))"
    invited = _INVITED.format(
        table="members",
        more=" AND invitations.list_id = members.list_id AND invitations.role = members.role"
        " AND invitations.accepted_by IS NULL",
    )
    return [
        _policy("mine", "members", "SELECT", mine),
        _policy("left", "members", "DELETE", mine),
        _policy("joined", "members", "INSERT", check=f"member = {_ME} AND {invited}"),
        _policy("together", "members", "SELECT", "list_id::text = current_setting('todo.seen_list', true)"),
        *_purged("members", "deleted_at"),
    ]


def _protect_invitations() -> list[str]:
    """An invitation is seen by who holds its token, and can only be marked as accepted by its holder."""
    mine = f"accepted_by IN ({_ME}, current_setting('todo.owner', true))"
    return [
        _policy("held", "invitations", "SELECT", _HELD),
        _policy("accepted", "invitations", "UPDATE", _HELD, f"accepted_by = {_ME}"),
        _policy("mine", "invitations", "SELECT", mine),
        _policy("forgotten", "invitations", "DELETE", mine),
        *_purged("invitations", "expires_at"),
    ]


def _open_lists() -> list[str]:
    """What members may do with rows of the lists' owners. They delete no row: a deletion is a mark."""
    any_role, editor = _shared("todos", _in_list("todos")), _shared("todos", _in_list("todos") + _EDITOR)
    in_list = _shared("lists", _in_list("lists", "id"))
    invited = _INVITED.format(table="lists", more=" AND invitations.list_id = lists.id")
    counted = f"({_shared('owners')}) OR {_INVITED.format(table='owners', more='')}"
    left = _shared("departures", _in_list("departures"))
    left_by_editor = _shared("departures", _in_list("departures") + _EDITOR)
    return [
        _policy("shared_read", "todos", "SELECT", any_role),
        _policy("shared_add", "todos", "INSERT", check=editor),
        _policy("shared_change", "todos", "UPDATE", editor, editor),
        _policy("shared_read", "lists", "SELECT", f"({in_list}) OR {invited}"),
        _policy(
            "shared_count", "lists", "UPDATE", in_list, in_list
        ),  # joining and leaving change the number of members
        _policy("shared_read", "owners", "SELECT", counted),
        _policy("shared_count", "owners", "UPDATE", counted, counted),
        _policy("shared_add", "owners", "INSERT", check=counted),  # ON CONFLICT wants it, although the row is there
        _policy("shared_read", "departures", "SELECT", left),
        _policy("shared_add", "departures", "INSERT", check=left_by_editor),
        _policy("shared_change", "departures", "UPDATE", left_by_editor, left_by_editor),
        *_purged("departures", "left_at"),
        _policy("shared", "idempotency_keys", "ALL", f"owner = {_ME}", f"owner = {_ME}"),
    ]


def downgrade() -> None:
    """Lists are no longer shared, and nobody can say with whom they were."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP POLICY idempotency_keys_shared ON idempotency_keys")
        for table, names in {
            "todos": ("read", "add", "change"),
            "lists": ("read", "count"),
            "owners": ("read", "count", "add"),
        }.items():
            for name in names:
                op.execute(f"DROP POLICY {table}_shared_{name} ON {table}")
    with op.batch_alter_table("lists") as lists:
        lists.drop_column("members")
    for table in ("departures", "members", "invitations"):
        op.drop_table(table)
