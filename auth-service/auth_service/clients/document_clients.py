"""Clients whose client_id is the URL of their metadata document. A row exists only for those that a person allowed.

At /oauth/authorize the client is made from the document, without a row. The transaction of a person's consent, or of a
code, stores what the document says then (`keep`): the token endpoint uses this copy, and fetches nothing.

A consent is for a client at certain addresses with certain keys. If the document names others now, it counts for none.
When the last consent and the last grant are gone, the worker deletes the row.
"""

import json
from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from ..grants import consents, grants
from ..grants.consents import Consent
from ..grants.grants import Grant
from ..oauth.client_metadata import ClientMetadata
from ..store.client_ids import url_of
from ..store.rows import insert_into
from . import clients
from . import origins as client_origins
from .clients import BLOCKED, Client
from .own_registrations import DOCUMENT, UNUSED_STRANGER_TTL, identity_of

_NOTHING: Mapping[str, object] = {  # the metadata of a client that was blocked before anybody had allowed it
    "client_name": "", "grant_types": [], "response_types": [], "token_endpoint_auth_method": "none", "scope": "",
    "redirect_uris": [], "first_party": False,
}  # fmt: skip


def make(client_id: str, registration: ClientMetadata, *, now: datetime) -> Client:
    """The client of a document, which no session knows."""
    return restore(client_id, json.dumps(registration.members()), now=now)


def restore(client_id: str, registered: str, *, now: datetime) -> Client:
    """The same, from what was `registered` when its request was stored."""
    return Client(client_id=client_id, registered=registered, registered_by=DOCUMENT, created_at=now, updated_at=now)


def has_document(client: Client) -> bool:
    return client.registered_by == DOCUMENT


def document_metadata(client: Client) -> str | None:
    """What the client's document says, as it is stored; None for a client without one."""
    return client.registered if has_document(client) else None


async def keep(session: AsyncSession, client: Client, *, now: datetime) -> bool:
    """Store what the document says, if it is news. People are asked again if addresses or keys are others now.

    Nothing is done for a client without a document. Call it first in a transaction. False if the client is blocked.
    """
    if not has_document(client):
        return True
    if await is_blocked(session, client.client_id):
        return False
    if await _stored(session, client) == client.registered:
        return True
    await _insert(session, client.client_id, client.registered, DOCUMENT, now)
    held = await clients.lock(session, client.client_id)
    if held is None or held.registered_by == BLOCKED:
        return False
    if identity_of(held.registration) != identity_of(client.registration):
        await consents.forget(session, client.client_id)
    held.registered, held.updated_at = client.registered, now
    await session.flush()
    await client_origins.replace(session, client.client_id, client.registration.redirect_uris)
    return True


async def delete_unused(session: AsyncSession, *, limit: int, now: datetime) -> int:
    """Delete clients that have neither a consent nor a grant, a day after they last changed. Returns how many.

    A consent that is given at this moment holds the row (`hold_owners`). One that was committed before the row was
    locked is seen by the second statement.
    """
    unused = (
        Client.registered_by == DOCUMENT,
        Client.updated_at <= now - UNUSED_STRANGER_TTL,
        ~select(Consent.client_id).where(Consent.client_id == Client.client_id).exists(),
        ~select(Grant.client_id).where(Grant.client_id == Client.client_id).exists(),
    )
    chosen = select(Client.client_id).where(*unused).order_by(Client.client_id).limit(limit)
    locked = (await session.scalars(chosen.with_for_update(skip_locked=True))).all()
    gone = delete(Client).where(Client.client_id.in_(locked), *unused).returning(Client.client_id)
    return len((await session.scalars(gone.execution_options(synchronize_session=False))).all())


async def is_blocked(session: AsyncSession, client_id: str) -> bool:
    found = select(Client.client_id).where(Client.client_id == client_id, Client.registered_by == BLOCKED)
    return await session.scalar(found) is not None


async def block(session: AsyncSession, client_id: str, *, now: datetime) -> int:
    """Cut the client off, also one that nobody has used yet: its grants and consents end, and nobody can allow it.

    Returns the number of grants that ended.
    """
    await _insert(session, client_id, json.dumps(_NOTHING), BLOCKED, now)
    held = await clients.lock(session, client_id)
    if held is not None:
        held.registered_by, held.updated_at = BLOCKED, now
        await session.flush()
    await client_origins.replace(session, client_id, ())
    await consents.forget(session, client_id)
    return await grants.end_for_client(session, client_id, now=now)


async def find_agreed(
    session: AsyncSession, account_id: str, client: Client, *, lock: bool = False
) -> Mapping[str, frozenset[str]]:
    """As `consents.find_agreed`, for the client as it is now: nothing, if its stored copy is another one."""
    if has_document(client):
        stored = await _stored(session, client)
        copy = None if stored is None else ClientMetadata.restore(json.loads(stored))
        if copy is None or identity_of(copy) != identity_of(client.registration):
            return {}
    return await consents.find_agreed(session, account_id, client.client_id, lock=lock)


async def _insert(session: AsyncSession, client_id: str, registered: str, registered_by: str, now: datetime) -> None:
    """Store the client, unless it is stored already."""
    named = {"client_id": client_id, "client_url": url_of(client_id)}
    insert = insert_into(session, Client).values(
        **named, registered=registered, registered_by=registered_by, created_at=now, updated_at=now
    )
    await session.execute(insert.on_conflict_do_nothing(index_elements=["client_id"]))


async def _stored(session: AsyncSession, client: Client) -> str | None:
    return await session.scalar(select(Client.registered).where(Client.client_id == client.client_id))
