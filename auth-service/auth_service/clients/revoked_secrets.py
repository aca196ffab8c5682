"""Secrets of clients that have been replaced or revoked. Provisioning refuses them, so that none ever comes back.

A deployment that provisions a client (commands/provisioning.py) reads the secret from a file at each start. After a
leak the file may still have the old one. Only hashes are stored; rows stay, as there is one per rotation.
"""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import String, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..sealed import opaque
from ..store.instants import Instant
from ..store.rows import Row, insert_into


class RevokedSecret(Row):
    """`ends_at` is the end of the overlap after a rotation, otherwise the time of the revocation."""

    __tablename__ = "revoked_secrets"

    secret_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    client_id: Mapped[str] = mapped_column(String(64))  # no foreign key: the row outlives the client
    ends_at: Mapped[datetime] = mapped_column(Instant)


async def remember(session: AsyncSession, client_id: str, ends_at: Mapping[str | None, datetime]) -> None:
    """Remember secrets of a client by their hashes, each with its end. A later call may set another end."""
    for secret_hash, end in ends_at.items():
        if secret_hash is not None:
            insert = insert_into(session, RevokedSecret)
            await session.execute(
                insert.values(secret_hash=secret_hash, client_id=client_id, ends_at=end).on_conflict_do_update(
                    index_elements=[RevokedSecret.secret_hash], set_={"ends_at": end}
                )
            )


async def find_end(session: AsyncSession, secret: str, *, now: datetime) -> datetime | None:
    """When the secret ended, or None if it did not."""
    ended = select(RevokedSecret.ends_at).where(RevokedSecret.secret_hash == opaque.hash_of(secret))
    return await session.scalar(ended.where(RevokedSecret.ends_at <= now))
