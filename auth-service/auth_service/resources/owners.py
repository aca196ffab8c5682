"""Which configuration an object came from, so that pruning deletes nothing else."""

from datetime import datetime

from sqlalchemy import String, delete, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..store.instants import Instant
from ..store.rows import Row, insert_into

Key = tuple[str, str]  # kind and name


class ConfiguredObject(Row):
    """An API, a group or a client. It may have been deleted by a command since."""

    __tablename__ = "configured_objects"

    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(1024), primary_key=True)
    configuration: Mapped[str] = mapped_column(String(64), index=True)
    created_at: Mapped[datetime] = mapped_column(Instant)


async def load(session: AsyncSession) -> dict[Key, str]:
    """The configuration of every object that has one."""
    rows = (await session.scalars(select(ConfiguredObject))).all()
    return {(row.kind, row.name): row.configuration for row in rows}


async def own(session: AsyncSession, key: Key, configuration: str, *, now: datetime) -> None:
    made = {"kind": key[0], "name": key[1], "configuration": configuration, "created_at": now}
    await session.execute(insert_into(session, ConfiguredObject).values(made).on_conflict_do_nothing())


async def disown(session: AsyncSession, key: Key) -> None:
    which = (ConfiguredObject.kind == key[0], ConfiguredObject.name == key[1])
    await session.execute(delete(ConfiguredObject).where(*which))
