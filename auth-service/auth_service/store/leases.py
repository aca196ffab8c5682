"""Leases: only one of the processes on a database does the periodic work at a time."""

from datetime import datetime, timedelta

from sqlalchemy import String, delete, or_
from sqlalchemy.orm import Mapped, mapped_column

from .database import Database
from .instants import Instant
from .rows import Row, insert_into


class Lease(Row):
    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    holder: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[datetime] = mapped_column(Instant)


async def hold(database: Database, name: str, holder: str, *, lasting: timedelta, now: datetime) -> bool:
    """Take or extend the lease in one statement. False while another holder has it."""
    async with database.writing() as session:
        insert = insert_into(session, Lease)
        taken = await session.execute(
            insert.values(name=name, holder=holder, expires_at=now + lasting)
            .on_conflict_do_update(
                index_elements=[Lease.name],
                set_={"holder": holder, "expires_at": now + lasting},
                where=or_(Lease.holder == holder, Lease.expires_at <= now),
            )
            .returning(Lease.name)
        )
        return taken.scalar_one_or_none() is not None


async def release(database: Database, name: str, holder: str) -> None:
    """Give up the holder's own lease, so that others need not wait until it expires."""
    async with database.writing() as session:
        await session.execute(delete(Lease).where(Lease.name == name, Lease.holder == holder))
