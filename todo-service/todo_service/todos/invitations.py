"""Read and change invitations to lists.

An invitation is a token of 256 random bits, of which only the hash is stored. It is for one list and one role, ends
after a week, and is used once. Whoever holds the token may accept it; on PostgreSQL row-level security asks for the
token, too.
"""

import hashlib
import secrets
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import RowMapping, bindparam, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ..store.database import ANYBODY, Database
from . import memberships, owners
from .list_queries import ListNotFound
from .memberships import EDITOR, MOST_MEMBERS, MOST_SHARED, Membership, Role
from .owners import QuotaExceeded
from .table import invitations, lists

TTL = timedelta(days=7)
MOST = 20  # invitations of one list that are open
_SHOWN = tuple(invitations.c[name] for name in ("id", "role", "created_at", "expires_at"))
_OF_LIST = (invitations.c.owner == bindparam("owner_"), invitations.c.list_id == bindparam("list_id_"))
_NOW = bindparam("now", type_=invitations.c.expires_at.type)
_OPEN = (invitations.c.accepted_by.is_(None), invitations.c.expires_at > _NOW)
_FIND_OPEN = select(*_SHOWN).where(*_OF_LIST, *_OPEN).order_by(invitations.c.id)
_COUNT_OPEN = select(func.count()).where(*_OF_LIST, *_OPEN)
_HAS_LIST = select(lists.c.id).where(
    lists.c.owner == bindparam("owner_"), lists.c.id == bindparam("list_id_"), lists.c.deleted_at.is_(None)
)
_WITHDRAW = delete(invitations).where(*_OF_LIST, invitations.c.id == bindparam("id_"))
_FIND = select(invitations).where(invitations.c.token_hash == bindparam("token_hash_"))
_ACCEPT = (
    update(invitations)
    .where(invitations.c.token_hash == bindparam("token_hash_"), invitations.c.accepted_by.is_(None))
    .values(accepted_by=bindparam("member_"))
)
_FIND_LIST = select(lists).where(lists.c.owner == bindparam("owner_"), lists.c.id == bindparam("list_id_"))


class InvitationNotFound(Exception):
    """The invitation does not exist, has expired, was withdrawn, or somebody else has used it."""


class OwnList(Exception):
    """The caller is the owner of the list."""


async def require_list(owner: str, connection: AsyncConnection, list_id: uuid.UUID) -> None:
    """Raises ListNotFound."""
    if (await connection.execute(_HAS_LIST, {"owner_": owner, "list_id_": list_id})).first() is None:
        raise ListNotFound


async def create(
    owner: str, connection: AsyncConnection, list_id: uuid.UUID, *, id_: uuid.UUID, role: Role, name: str, now: datetime
) -> tuple[dict[str, Any], str]:
    """Make an invitation; also returns its token, which is stored nowhere.

    Raises:
        ListNotFound, QuotaExceeded: nothing is changed.
    """
    await owners.advance(owner, connection, by=0)  # the lock, so that nobody counts at the same time
    await require_list(owner, connection, list_id)
    found = {"owner_": owner, "list_id_": list_id, "now": now}
    if (await connection.execute(_COUNT_OPEN, found)).scalar_one() >= MOST:
        raise QuotaExceeded("invitations", MOST)
    token = secrets.token_urlsafe(32)
    row = {"id": id_, "role": role, "created_at": now, "expires_at": now + TTL}
    stored = {**row, "owner": owner, "list_id": list_id, "shared_by": name, "token_hash": hashed(token)}
    await connection.execute(insert(invitations), stored)
    return row, token


async def find_open(
    owner: str, connection: AsyncConnection, list_id: uuid.UUID, *, now: datetime
) -> Sequence[RowMapping]:
    parameters = {"owner_": owner, "list_id_": list_id, "now": now}
    return (await connection.execute(_FIND_OPEN, parameters)).mappings().all()


async def withdraw(owner: str, connection: AsyncConnection, list_id: uuid.UUID, id_: uuid.UUID) -> None:
    """Raises InvitationNotFound."""
    values = {"owner_": owner, "list_id_": list_id, "id_": id_}
    if (await connection.execute(_WITHDRAW, values)).rowcount != 1:
        raise InvitationNotFound


async def find(database: Database, subject: str, token: str, *, now: datetime) -> RowMapping:
    """The invitation, if the subject may accept it, or has done so. Nothing is changed.

    Raises:
        InvitationNotFound: it is the same for all invitations that there are not.
        OwnList: the subject made it.
    """
    token_hash = hashed(token)
    async with database.for_member(subject, invitation=token_hash.hex()).reading(ANYBODY) as connection:
        row = (await connection.execute(_FIND, {"token_hash_": token_hash})).mappings().first()
    if row is None or row["expires_at"] <= now or row["accepted_by"] not in (None, subject):
        raise InvitationNotFound
    if row["owner"] == subject:
        raise OwnList
    if row["accepted_by"] is not None and await memberships.find_in_list(database, subject, row["list_id"]) is None:
        raise InvitationNotFound  # it was used, and the membership has ended since
    return row


async def find_name(database: Database, subject: str, row: RowMapping) -> str:
    """The name of the list, for somebody who holds an invitation to it. Raises InvitationNotFound if it is deleted."""
    held = database.for_member(subject, invitation=bytes(row["token_hash"]).hex())
    async with held.reading(row["owner"]) as connection:
        found = (await connection.execute(_FIND_LIST, {"owner_": row["owner"], "list_id_": row["list_id"]})).first()
    if found is None or found.deleted_at is not None:
        raise InvitationNotFound
    return str(found.name)


async def accept(
    database: Database, subject: str, token: str, *, id_: uuid.UUID, name: str, now: datetime
) -> Membership:
    """Make the subject a member of the list, and spend the invitation.

    Who accepted it before and is still a member gets the same answer: a first answer may have been lost. A member that
    is a viewer may become an editor in this way, but not the reverse.

    Raises:
        InvitationNotFound, OwnList, QuotaExceeded: nothing is changed.
    """
    row = await find(database, subject, token, now=now)
    known = await memberships.find_in_list(database, subject, row["list_id"])
    if known is not None and (row["accepted_by"] == subject or known.role == EDITOR or row["role"] == known.role):
        return known
    owner, token_hash = row["owner"], hashed(token)
    async with database.for_member(subject, invitation=token_hash.hex()).writing(owner) as connection:
        sequence = await owners.advance(owner, connection)
        locked = (await connection.execute(_FIND, {"token_hash_": token_hash})).mappings().first()
        if locked is None or locked["accepted_by"] is not None:
            raise InvitationNotFound  # somebody else was faster, or it was withdrawn
        if known is not None:
            await memberships.forget(owner, connection, row["list_id"], subject)
        elif await memberships.count_of(subject, connection) >= MOST_SHARED:
            raise QuotaExceeded("shared_lists", MOST_SHARED)
        joined = {"list_id": row["list_id"], "member": subject, "id": id_, "role": row["role"], "name": name}
        joined |= {"shared_by": row["shared_by"], "joined_at": now, "deleted_at": None}
        if not await memberships.join(owner, connection, joined, sequence=sequence, by=0 if known else 1):
            found = (await connection.execute(_FIND_LIST, {"owner_": owner, "list_id_": row["list_id"]})).first()
            if found is None or found.deleted_at is not None:
                raise InvitationNotFound
            raise QuotaExceeded("members", MOST_MEMBERS)
        await connection.execute(_ACCEPT, {"token_hash_": token_hash, "member_": subject})
    await memberships.tell(database, subject)
    return Membership(owner, row["list_id"], id_, row["role"], row["shared_by"])


def hashed(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
