"""The origins of clients' own pages, taken from their redirect_uris: who may read answers from another origin."""

from collections.abc import Iterable

from sqlalchemy import ForeignKey, String, delete
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from .database import Row
from .trusted_origins import parse_origin


class ClientOrigin(Row):
    __tablename__ = "client_origins"

    client_id: Mapped[str] = mapped_column(ForeignKey("clients.client_id", ondelete="CASCADE"), primary_key=True)
    origin: Mapped[str] = mapped_column(String(2048), primary_key=True, index=True)


def origins_of(redirect_uris: Iterable[str]) -> set[str]:
    return {origin for origin in map(parse_origin, redirect_uris) if origin is not None}


async def replace(session: AsyncSession, client_id: str, redirect_uris: Iterable[str]) -> None:
    await session.execute(delete(ClientOrigin).where(ClientOrigin.client_id == client_id))
    session.add_all(ClientOrigin(client_id=client_id, origin=origin) for origin in sorted(origins_of(redirect_uris)))
