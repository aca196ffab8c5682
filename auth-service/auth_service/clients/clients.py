"""OAuth clients: the programs that get tokens, each with its metadata (RFC 7591) and secrets.

Only hashes of secrets are stored (sealed/opaque.py). During a rotation the old and the new secret are both valid.
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

from ..grants import consents, grants
from ..oauth.client_documents import is_document_url
from ..oauth.client_metadata import ClientMetadata
from ..sealed import opaque
from ..status_lists import indexes as status_indexes
from ..store import client_ids, identifiers
from ..store.instants import Instant
from ..store.rows import Row, insert_into
from . import revoked_secrets, workloads

# The underscore keeps client ids distinct from account ids, and from the reserved client `web`.
PREFIX = "client_"
WEB_CLIENT_ID, PERSONAL_CLIENT_ID = "web", "personal"  # reserved: of sessions, and of personal access tokens
BLOCKED = "document, blocked"  # in `registered_by`: an operator has cut the client off (document_clients.py)
_CLIENT_ID = re.compile(rf"{PREFIX}[A-Za-z0-9]{{{identifiers.LENGTH}}}|{WEB_CLIENT_ID}|{PERSONAL_CLIENT_ID}")


class SecretEnded(Exception):
    """The secret was replaced or revoked at `ended_at`, and is never accepted again."""

    def __init__(self, ended_at: datetime) -> None:
        super().__init__(ended_at)
        self.ended_at = ended_at


class Client(client_ids.NamesClient, Row):
    __tablename__ = "clients"

    client_key: Mapped[str] = mapped_column("client_id", client_ids.ClientKey, primary_key=True)
    registered: Mapped[str] = mapped_column(Text)  # JSON: new members need no migration
    roles: Mapped[str] = mapped_column(Text, default="{}", server_default="{}")  # JSON (roles.py)
    secret_hash: Mapped[str | None] = mapped_column(String(64))
    previous_secret_hash: Mapped[str | None] = mapped_column(String(64))
    previous_secret_expires_at: Mapped[datetime | None] = mapped_column(Instant)
    tokens_revoked_at: Mapped[datetime | None] = mapped_column(Instant)  # its own tokens from before are revoked
    status_list_id: Mapped[int | None] = mapped_column(Integer)  # of its own (client_credentials) tokens
    status_index: Mapped[int | None] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)
    registered_by: Mapped[str | None] = mapped_column(String(64))  # None: an operator (own_registrations.py)
    registration_token_hash: Mapped[str | None] = mapped_column(String(64))
    unused_until: Mapped[datetime | None] = mapped_column(Instant, index=True)

    @cached_property
    def registration(self) -> ClientMetadata:
        return ClientMetadata.restore(json.loads(self.registered))

    def has_secret(self, secret: str, *, now: datetime) -> bool:
        """Whether this is the current secret, or the previous one while that is still valid."""
        hashed = opaque.hash_of(secret)
        if hmac.compare_digest(hashed, self.secret_hash or ""):
            return True
        ends_at = self.previous_secret_expires_at
        is_previous = hmac.compare_digest(hashed, self.previous_secret_hash or "")
        return is_previous and ends_at is not None and now < ends_at


async def register(session: AsyncSession, registration: ClientMetadata, *, now: datetime) -> tuple[Client, str | None]:
    """Register a client. Returns it with its secret, or None; the secret cannot be read again later."""
    secret = opaque.draw() if registration.uses_secret else None
    client = Client(
        client_id=f"{PREFIX}{identifiers.draw()}",
        registered=json.dumps(registration.members()),
        secret_hash=None if secret is None else opaque.hash_of(secret),
        created_at=now,
        updated_at=now,
    )
    session.add(client)
    await session.flush()  # before its origins: without an ORM relationship SQLAlchemy does not know the order
    await workloads.replace_derived(session, client.client_id, registration)
    return client, secret


async def provision(
    session: AsyncSession, client_id: str, registration: ClientMetadata, secret: str | None, *, now: datetime
) -> bool:
    """Create the client, or replace its metadata and secret. It may run several times, also simultaneously.

    During a rotation the previous secret changes nothing: it is still valid, and so is the newer one. Returns whether
    the client is new or has another secret now.

    Raises:
        SecretEnded: the secret was replaced or revoked before.
    """
    held = await lock(session, client_id)
    if secret is not None and (ended_at := await revoked_secrets.find_end(session, secret, now=now)) is not None:
        raise SecretEnded(ended_at)
    insert = insert_into(session, Client)
    made: dict[str, object] = {"registered": json.dumps(registration.members())}
    if secret is None or held is None or not held.has_secret(secret, now=now):
        made["secret_hash"] = None if secret is None else opaque.hash_of(secret)
        made |= {"previous_secret_hash": None, "previous_secret_expires_at": None}  # both old ones end at once
        if held is not None:
            await revoked_secrets.remember(session, client_id, {held.previous_secret_hash: now})
    await session.execute(
        insert.values(client_id=client_id, created_at=now, updated_at=now, **made).on_conflict_do_update(
            index_elements=["client_id"], set_={**made, "updated_at": now}
        )
    )
    await workloads.replace_derived(session, client_id, registration)
    return held is None or held.secret_hash != made.get("secret_hash", held.secret_hash)


def is_client_id(text: str) -> bool:
    return _CLIENT_ID.fullmatch(text) is not None or is_document_url(text)


async def find(session: AsyncSession, client_id: str) -> Client | None:
    """The client, unless it is blocked. Malformed ids are not looked up: the database may refuse their characters."""
    if not is_client_id(client_id):
        return None
    which = (Client.client_id == client_id, Client.registered_by.is_distinct_from(BLOCKED))
    return await session.scalar(select(Client).where(*which))


async def list_clients(session: AsyncSession, *, after: str = "", limit: int) -> Sequence[Client]:
    """A page of clients ordered by id, starting after `after`."""
    query = select(Client).where(Client.client_id > after).order_by(Client.client_id).limit(limit)
    return (await session.scalars(query)).all()


async def replace_registration(
    session: AsyncSession, client: Client, registration: ClientMetadata, *, now: datetime
) -> str | None:
    """Replace all metadata of a client. Returns a new secret if the client needs one and had none.

    A client whose new method uses no secret loses its secrets.
    """
    secret = opaque.draw() if registration.uses_secret and client.secret_hash is None else None
    changes: dict[str, object] = {"registered": json.dumps(registration.members()), "updated_at": now}
    if secret is not None or not registration.uses_secret:
        changes |= {"previous_secret_hash": None, "previous_secret_expires_at": None}
        changes["secret_hash"] = opaque.hash_of(secret) if secret else None
    await session.execute(update(Client).where(Client.client_id == client.client_id).values(**changes))
    await workloads.replace_derived(session, client.client_id, registration)
    return secret


async def rotate_secret(session: AsyncSession, client_id: str, *, overlap: timedelta, now: datetime) -> str | None:
    """Give the client a new secret; the current one stays valid for `overlap`, an older one ends.

    Returns None if the client has no secret. The row is locked, so of two simultaneous rotations the second replaces
    the first one's secret.
    """
    held, secret = await lock(session, client_id), opaque.draw()
    if held is None or held.secret_hash is None:
        return None
    ends = {held.previous_secret_hash: now, held.secret_hash: now + overlap}
    await revoked_secrets.remember(session, client_id, ends)
    changes = {
        "secret_hash": opaque.hash_of(secret),
        "previous_secret_hash": held.secret_hash,
        "previous_secret_expires_at": now + overlap,
        "updated_at": now,
    }
    await session.execute(update(Client).where(Client.client_id == client_id).values(**changes))
    return secret


async def lock(session: AsyncSession, client_id: str) -> Client | None:
    """The client as it is stored now, locked until the transaction ends."""
    return await session.get(Client, client_ids.key_of(client_id), with_for_update=True, populate_existing=True)


async def revoke_own_tokens(session: AsyncSession, client_id: str, *, now: datetime) -> None:
    """Revoke all client_credentials tokens that the client has received until now."""
    began = {"tokens_revoked_at": now, "status_list_id": None, "status_index": None}
    await session.execute(update(Client).where(Client.client_id == client_id).values(began))
    await status_indexes.revoke(session, [client_id], now=now)


async def revoke_tokens(session: AsyncSession, client_id: str, *, now: datetime) -> int:
    """End all grants at a client and its client_credentials tokens. Returns the number of grants."""
    await revoke_own_tokens(session, client_id, now=now)
    return await grants.end_for_client(session, client_id, now=now)


async def delete_client(session: AsyncSession, client_id: str, *, now: datetime) -> None:
    """End the client's grants, and delete them with the client. First all rows are locked, in their order."""
    await session.execute(select(Client.client_id).where(Client.client_id == client_id).with_for_update())
    await consents.lock(session, client_id=client_id)
    await grants.lock(session, client_id=client_id)
    await grants.end_for_client(session, client_id, now=now)
    await session.execute(delete(Client).where(Client.client_id == client_id))
    await status_indexes.revoke(session, [client_id], now=now)  # last: from here on no new index can be drawn for it
