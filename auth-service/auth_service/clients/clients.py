"""OAuth clients: the programs that get tokens here, each with its metadata (RFC 7591) and what proves who it is.

Of a secret's hashes (opaque.py) two are valid at a time, while one replaces the other.
"""

import hmac
import json
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cached_property

from sqlalchemy import Integer, String, Text, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from ..grants import grants
from ..oauth.client_metadata import ClientMetadata
from ..sealed import opaque
from ..status_lists import indexes as status_indexes
from ..store import identifiers
from ..store.instants import Instant
from ..store.rows import Row, insert_into
from . import origins as client_origins

# The underscore is what no account id has; and no client can be called `web`, the reserved one.
PREFIX = "client_"
_CLIENT_ID = re.compile(rf"{PREFIX}[A-Za-z0-9]{{{identifiers.LENGTH}}}")


class Client(Row):
    __tablename__ = "clients"

    client_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    registered: Mapped[str] = mapped_column(Text)  # JSON, so that metadata may grow without a migration
    secret_hash: Mapped[str | None] = mapped_column(String(64))
    previous_secret_hash: Mapped[str | None] = mapped_column(String(64))
    previous_secret_expires_at: Mapped[datetime | None] = mapped_column(Instant)
    tokens_revoked_at: Mapped[datetime | None] = mapped_column(Instant)  # what it got for itself before is dead
    status_list_id: Mapped[int | None] = mapped_column(Integer)  # of what it gets for itself
    status_index: Mapped[int | None] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)

    @cached_property
    def registration(self) -> ClientMetadata:
        return ClientMetadata.restore(json.loads(self.registered))

    def has_secret(self, secret: str, *, now: datetime) -> bool:
        """Whether this is the secret, or the one before it while both are valid."""
        hashed = opaque.hash_of(secret)
        is_current = hmac.compare_digest(hashed, self.secret_hash or "")
        is_previous = hmac.compare_digest(hashed, self.previous_secret_hash or "")
        overlaps = self.previous_secret_expires_at is not None and now < self.previous_secret_expires_at
        return is_current or (is_previous and overlaps)


async def register(session: AsyncSession, registration: ClientMetadata, *, now: datetime) -> tuple[Client, str | None]:
    """A new client, and its secret if it has one: afterwards nobody can read it again."""
    secret = opaque.draw() if registration.uses_secret else None
    client = Client(
        client_id=f"{PREFIX}{identifiers.draw()}",
        registered=json.dumps(registration.members()),
        secret_hash=None if secret is None else opaque.hash_of(secret),
        created_at=now,
        updated_at=now,
    )
    session.add(client)
    await session.flush()  # before its origins: no ORM relationship tells which of the two comes first
    await client_origins.replace(session, client.client_id, registration.redirect_uris)
    return client, secret


async def provision(
    session: AsyncSession, client_id: str, registration: ClientMetadata, secret: str, *, now: datetime
) -> None:
    """Make the client what is said here, whether or not it exists. Of two at once the second finds it done."""
    insert = insert_into(session, Client)
    made = {"registered": json.dumps(registration.members()), "secret_hash": opaque.hash_of(secret)}
    await session.execute(
        insert.values(client_id=client_id, created_at=now, updated_at=now, **made).on_conflict_do_update(
            index_elements=[Client.client_id], set_={**made, "updated_at": now}
        )
    )
    await client_origins.replace(session, client_id, registration.redirect_uris)


def is_client_id(text: str) -> bool:
    return _CLIENT_ID.fullmatch(text) is not None


async def find(session: AsyncSession, client_id: str) -> Client | None:
    """What cannot be a client id is not looked for: it may hold what no database takes."""
    if not is_client_id(client_id):
        return None
    return await session.scalar(select(Client).where(Client.client_id == client_id))


async def list_clients(session: AsyncSession, *, after: str = "", limit: int) -> Sequence[Client]:
    """A page of clients in the order of their ids, from behind `after`."""
    query = select(Client).where(Client.client_id > after).order_by(Client.client_id).limit(limit)
    return (await session.scalars(query)).all()


async def replace_registration(
    session: AsyncSession, client: Client, registration: ClientMetadata, *, now: datetime
) -> str | None:
    """Put other metadata in place of all there were; a secret if the client needs one now and had none.

    A client that no longer authenticates by a secret loses its secrets.
    """
    secret = opaque.draw() if registration.uses_secret and client.secret_hash is None else None
    changes: dict[str, object] = {"registered": json.dumps(registration.members()), "updated_at": now}
    if secret is not None or not registration.uses_secret:
        hashed = None if secret is None else opaque.hash_of(secret)
        changes |= {"secret_hash": hashed, "previous_secret_hash": None, "previous_secret_expires_at": None}
    await session.execute(update(Client).where(Client.client_id == client.client_id).values(**changes))
    await client_origins.replace(session, client.client_id, registration.redirect_uris)
    return secret


async def rotate_secret(session: AsyncSession, client_id: str, *, overlap: timedelta, now: datetime) -> str | None:
    """Another secret; the one before it stays valid for `overlap`, any older one ends. None: there is none to replace.

    One conditional UPDATE, so of two simultaneous rotations the second replaces the secret of the first.
    """
    secret = opaque.draw()
    rotated = await session.execute(
        update(Client)
        .where(Client.client_id == client_id, Client.secret_hash.is_not(None))
        .values(
            secret_hash=opaque.hash_of(secret),
            previous_secret_hash=Client.secret_hash,
            previous_secret_expires_at=now + overlap,
            updated_at=now,
        )
        .returning(Client.client_id)
    )
    return None if rotated.scalar_one_or_none() is None else secret


async def revoke_own_tokens(session: AsyncSession, client_id: str, *, now: datetime) -> None:
    """End what a client got for itself until now (its epoch)."""
    began = {"tokens_revoked_at": now, "status_list_id": None, "status_index": None}
    await session.execute(update(Client).where(Client.client_id == client_id).values(began))
    await status_indexes.revoke(session, [client_id], now=now)


async def revoke_tokens(session: AsyncSession, client_id: str, *, now: datetime) -> int:
    """End every grant at a client, and what it got for itself. How many grants there were."""
    await revoke_own_tokens(session, client_id, now=now)
    return await grants.end_for_client(session, client_id, now=now)


async def delete_client(session: AsyncSession, client_id: str, *, now: datetime) -> None:
    """Delete the client; its grants end and go with it."""
    await grants.end_for_client(session, client_id, now=now)
    await session.execute(delete(Client).where(Client.client_id == client_id))
    await status_indexes.revoke(session, [client_id], now=now)  # after it: now nobody draws another index for it
