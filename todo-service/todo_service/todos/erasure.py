"""Erase everything of a deleted account, for ever.

Large erasures go in parts, so that they do not hold SQLite's only writer for seconds. The event counts as received with
the last part: after a failure the issuer sends it again, and the erasure goes on.
"""

from datetime import datetime, timedelta

from sqlalchemy import Delete, Table, bindparam, delete, exists, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from ..store.database import ANYBODY, Database
from . import memberships
from .table import idempotency_keys, invitations, received_events, todos

# Longer than an issuer repeats an event. If it still came again later, it would only erase again.
REMEMBERED_FOR = timedelta(days=8)
PART = 100  # rows of one transaction before the last one
_RECEIVE = text(
    "INSERT INTO received_events (jti, expires_at) VALUES (:jti, :expires_at) ON CONFLICT (jti) DO NOTHING"
).bindparams(bindparam("expires_at", type_=received_events.c.expires_at.type))
_ERASE = tuple(
    text(f"DELETE FROM {table} WHERE {table}.owner = :owner")  # noqa: S608 - names of the line below
    for table in ("todos", "lists", "members", "invitations", "departures", "idempotency_keys", "owners")
)
_FORGET = delete(invitations).where(invitations.c.accepted_by == bindparam("subject"))


def _part_of(table: Table) -> Delete:
    """Delete some rows of an owner, unless the event has been received."""
    key = tuple(table.primary_key)
    some = select(*key).where(table.c.owner == bindparam("owner_")).limit(PART)
    known = exists().where(received_events.c.jti == bindparam("jti_"))
    return delete(table).where(table.c.owner == bindparam("owner_"), tuple_(*key).in_(some), ~known)


_PARTS = tuple(map(_part_of, (todos, idempotency_keys)))


async def receive(database: Database, jti: str, *, erased: str | None, now: datetime) -> bool:
    """Store the event's id and erase the owner's rows. False if the event was received before."""
    if erased is not None:
        await _leave_all(database, erased, now)
        await _erase_in_parts(database, jti, erased)
    async with database.writing(erased or "") as connection:
        received = await connection.execute(_RECEIVE, {"jti": jti, "expires_at": now + REMEMBERED_FOR})
        if received.rowcount != 1:
            return False
        if erased is not None:
            await _erase(erased, connection)
        return True


async def _erase_in_parts(database: Database, jti: str, owner: str) -> None:
    """Erase all but the last few rows. Others write in between: they have asked for the writer meanwhile."""
    for part in _PARTS:
        erased = PART
        while erased == PART:
            async with database.writing(owner) as connection:
                erased = (await connection.execute(part, {"owner_": owner, "jti_": jti})).rowcount


async def _leave_all(database: Database, subject: str, now: datetime) -> None:
    """End the memberships. What the account added to the lists of others stays there: it is theirs."""
    async with database.for_member(subject).reading(ANYBODY) as connection:
        shared = await memberships.find_all(subject, connection)
    for each in shared:
        await memberships.leave(database, subject, each, now=now)


async def _erase(owner: str, connection: AsyncConnection) -> None:
    await connection.execute(_FORGET, {"subject": owner})
    for statement in _ERASE:
        await connection.execute(statement, {"owner": owner})
