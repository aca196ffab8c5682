"""The registry of upstream providers. A client secret is sealed under the key-encryption keys."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Boolean, LargeBinary, String, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ...oauth.upstreams import InvalidUpstream, Upstream
from ...sealed.sealing import Seal
from ...sealed.versioned_secrets import Secrets
from ...store.database import Database
from ...store.instants import Instant
from ...store.rows import Row

MAX_PROVIDERS = 20  # each is a button on the sign-in page


class UpstreamProvider(Row):
    __tablename__ = "upstream_providers"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    name: Mapped[str] = mapped_column(String(64))
    issuer: Mapped[str] = mapped_column(String(255), unique=True)
    client_id: Mapped[str] = mapped_column(String(255))
    token_endpoint_auth_method: Mapped[str] = mapped_column(String(32))
    scope: Mapped[str] = mapped_column(String(255))
    response_mode: Mapped[str] = mapped_column(String(16))
    trusted: Mapped[bool] = mapped_column(Boolean)
    sign_up: Mapped[bool] = mapped_column(Boolean)
    sealed_secret: Mapped[bytes | None] = mapped_column(LargeBinary)  # None: a public client
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)


@dataclass(frozen=True)
class Registered:
    upstream: Upstream
    sealed_secret: bytes | None = field(default=None, repr=False)


def seal_of(key_encryption_keys: Secrets) -> Seal:
    return Seal(key_encryption_keys, "upstream client secrets")


async def load(session: AsyncSession) -> Sequence[Registered]:
    """All providers, the oldest first: the order of the buttons."""
    rows = await session.scalars(select(UpstreamProvider).order_by(UpstreamProvider.created_at, UpstreamProvider.id))
    return [_value(row) for row in rows]


async def find(session: AsyncSession, upstream_id: str) -> Registered | None:
    row = await session.get(UpstreamProvider, upstream_id)
    return None if row is None else _value(row)


async def put(session: AsyncSession, upstream: Upstream, sealed_secret: bytes | None, *, now: datetime) -> None:
    """Register the provider, or replace its registration.

    Raises:
        InvalidUpstream: another one has its issuer, or there are too many.
    """
    others = [each.upstream for each in await load(session) if each.upstream.id != upstream.id]
    if any(each.issuer == upstream.issuer for each in others):
        raise InvalidUpstream("issuer: another upstream provider has this issuer.")
    if len(others) >= MAX_PROVIDERS:
        raise InvalidUpstream(f"id: there are {MAX_PROVIDERS} upstream providers already, which is the limit.")
    values = {**upstream.members(), "sealed_secret": sealed_secret, "updated_at": now}
    row = await session.get(UpstreamProvider, upstream.id)
    if row is None:
        session.add(UpstreamProvider(created_at=now, **values))
    else:
        await session.execute(update(UpstreamProvider).where(UpstreamProvider.id == upstream.id).values(**values))
    await session.flush()


async def remove(session: AsyncSession, upstream_id: str) -> None:
    await session.execute(delete(UpstreamProvider).where(UpstreamProvider.id == upstream_id))


async def rewrap_secrets(database: Database, seal: Seal) -> int:
    """Seal every secret anew that does not use the newest key-encryption key. Returns how many. It is safe to repeat.

    A secret whose key is missing is left as it is; give its provider a new one by `apply` or `upstreams update`.
    """
    async with database.writing() as session:
        sealed = select(UpstreamProvider).where(UpstreamProvider.sealed_secret.is_not(None))
        rows = (await session.scalars(sealed)).all()
        rewrapped = 0
        for row in rows:
            secret = None if row.sealed_secret is None else seal.open(row.sealed_secret, place=row.id)
            if secret is not None and row.sealed_secret is not None and not seal.is_newest(row.sealed_secret):
                row.sealed_secret = seal.seal(secret, place=row.id)
                rewrapped += 1
    return rewrapped


def _value(row: UpstreamProvider) -> Registered:
    members = {name: getattr(row, name) for name in Upstream.__dataclass_fields__}
    return Registered(Upstream(**members), row.sealed_secret)
