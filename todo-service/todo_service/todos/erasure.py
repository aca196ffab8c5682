"""Erase everything of a deleted account, at once and for ever."""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, text
from sqlalchemy.ext.asyncio import AsyncConnection

from ..store.database import Database
from .table import received_events

# Longer than an issuer repeats an event. If it still came again later, it would only erase again.
REMEMBERED_FOR = timedelta(days=8)
_RECEIVE = text(
    "INSERT INTO received_events (jti, expires_at) VALUES (:jti, :expires_at) ON CONFLICT (jti) DO NOTHING"
).bindparams(bindparam("expires_at", type_=received_events.c.expires_at.type))
_ERASE = tuple(
    text(f"DELETE FROM {table} WHERE {table}.owner = :owner")  # noqa: S608 - names of the line below
    for table in ("todos", "idempotency_keys", "owners")
)


async def receive(database: Database, jti: str, *, erased: str | None, now: datetime) -> bool:
    """Store the event's id and erase the owner's rows, in one transaction. False if the event was received before."""
    async with database.writing(erased or "") as connection:
        received = await connection.execute(_RECEIVE, {"jti": jti, "expires_at": now + REMEMBERED_FOR})
        if received.rowcount != 1:
            return False
        if erased is not None:
            await _erase(erased, connection)
        return True


async def _erase(owner: str, connection: AsyncConnection) -> None:
    for statement in _ERASE:
        await connection.execute(statement, {"owner": owner})
