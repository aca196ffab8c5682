"""Making the grant of an authorization, in statements that are sent together (store/together.py)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    Executable,
    Integer,
    Select,
    String,
    bindparam,
    column,
    delete,
    exists,
    select,
    table,
    text,
)

from ..store import identifiers
from ..store.client_ids import ClientKey, url_of
from ..store.together import Asked, PerDatabase
from .grants import LIVE, Authorized, Grant

_TABLE: Any = Grant.__table__
_ACCOUNTS, _CLIENTS = table("accounts", column("id", String)), table("clients", column("client_id", ClientKey))
_COLUMNS = ("id", "account_id", "session_id", "client_id", "client_url", "is_offline", "created_at")


def grant_key(session_id: str, client_id: str, *, is_offline: bool) -> Mapping[str, object]:
    """The values that name the live grant of a session at a client."""
    return {"session_id": session_id, "client_id": client_id, "is_offline": is_offline}


def select_live(*columns: Any) -> Select[Any]:
    """These columns beside the id of the live grant, which does not end until the transaction does."""
    live = (
        _TABLE.c.session_id == bindparam("session_id"),
        _TABLE.c.client_id == bindparam("client_id", type_=ClientKey),
        _TABLE.c.is_offline == bindparam("is_offline", type_=Boolean),
        _TABLE.c.ended_at.is_(None),
    )
    return select(*columns, _TABLE.c.id).where(*live).with_for_update(read=True, key_share=True)


def _inserting(insert: Any) -> Any:
    """Only while its account and client exist: the statement before may have waited for the deletion of one."""
    account = exists().where(_ACCOUNTS.c.id == bindparam("account_id"))
    client = exists().where(_CLIENTS.c.client_id == bindparam("client_id"))
    types = {name: _TABLE.c[name].type for name in _COLUMNS} | {"account_id": String(), "client_id": ClientKey()}
    row = select(*(bindparam(name, type_=types[name]) for name in _COLUMNS)).where(account, client)
    made = insert(_TABLE).from_select(_COLUMNS, row)
    unless = made.on_conflict_do_nothing(
        index_elements=["session_id", "client_id", "is_offline"], index_where=text(LIVE)
    )
    return unless.returning(_TABLE.c.id)


_INSERT = PerDatabase(_inserting)


def making(named: Mapping[str, object], *, account_id: str, client_id: str, now: datetime) -> Asked:
    """Make the grant unless it is there. Simultaneous requests make one. `named` comes from `grant_key`."""
    made = {"id": identifiers.draw(), "account_id": account_id, "client_url": url_of(client_id), "created_at": now}
    return Asked(_INSERT, {**named, **made})


def delete_surplus(kind: type[Authorized], used_at: Any) -> Executable:
    """As `grants.make_room`, for the live grant: delete all but `kept` rows, which nobody has locked."""
    rows: Any = kind.__table__
    [key] = rows.primary_key
    own = rows.c.grant_id == select_live().scalar_subquery()
    surplus = select(key).where(own).order_by(used_at.desc()).offset(bindparam("kept", type_=Integer))
    unlocked = select(key).where(key.in_(surplus)).with_for_update(skip_locked=True)
    return delete(rows).where(key.in_(unlocked)).returning(key)
