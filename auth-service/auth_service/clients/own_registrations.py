"""Clients that registered themselves (RFC 7591): where each came from, and its end if nobody ever uses it.

`Client.registered_by` is "token:ID" for a client with an initial access token of that id (registration_tokens.py), and
"open" for one that needed none: it is a stranger here. `unused_until` is the time when the worker deletes the client;
it is None from a person's first consent or code on. The client manages its registration with a registration access
token (RFC 7592), of which only the hash is stored.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from ..grants import consents
from ..oauth.audiences import Resources
from ..oauth.client_metadata import ClientMetadata
from ..oauth.scope import IDENTITY
from ..sealed import opaque
from ..store.rows import delete_unlocked
from . import clients
from .clients import Client

OFF, OPEN = "off", "open"  # AUTH_REGISTRATION; OPEN also in `registered_by`
DOCUMENT = "document"  # in `registered_by`: the client is what the document at its client_id says
UNUSED_TTL = timedelta(days=30)  # a registration with an initial access token may wait for its first person this long
UNUSED_STRANGER_TTL = timedelta(days=1)
MAX_UNUSED_STRANGERS = 10_000


@dataclass(frozen=True)
class Registration:
    """Who may register: nobody (OFF), anybody (OPEN), or programs with an initial access token."""

    mode: str

    @property
    def is_on(self) -> bool:
        return self.mode != OFF

    @property
    def is_open(self) -> bool:
        return self.mode == OPEN


def is_stranger(client: Client) -> bool:
    """Whether nobody here knows the client: no operator registered it, or gave it a token to do so itself."""
    return client.registered_by in (OPEN, DOCUMENT)


def apis_for(client: Client, resources: Resources) -> Resources:
    """The APIs that the client may ask for, as it sees them."""
    return resources.for_strangers if is_stranger(client) else resources


def scopes_for(client: Client, resources: Resources) -> tuple[str, ...]:
    """The scopes that the client may ask for without being refused.

    One that registered itself may ask for every identity scope of the metadata. Those that it is not registered for are
    unknown to it, so they are ignored (OpenID Connect Core §3.1.2.1): it has no operator who could register them.
    """
    known, registered = apis_for(client, resources).scopes, client.registration.scope
    if client.registered_by is None:
        return known
    return tuple(scope for scope in known if scope in registered or scope not in IDENTITY)


@dataclass(frozen=True)
class Registered:
    """A new client. Secret and registration access token cannot be read again later."""

    client: Client
    secret: str | None
    token: str


async def register(
    session: AsyncSession, registration: ClientMetadata, *, token_id: str | None, now: datetime
) -> Registered:
    """As `clients.register`, for a client that showed an initial access token, or None. Above MAX_UNUSED_STRANGERS,
    the oldest of those that nobody has used are deleted.
    """
    client, secret = await clients.register(session, registration, now=now)
    if token_id is None:
        client.registered_by, client.unused_until = OPEN, now + UNUSED_STRANGER_TTL
        await session.flush()
        await _make_room(session)
    else:
        client.registered_by, client.unused_until = f"token:{token_id}", now + UNUSED_TTL
    token = opaque.draw()
    client.registration_token_hash = opaque.hash_of(token)
    return Registered(client, secret, token)


async def _make_room(session: AsyncSession) -> None:
    """Delete the surplus in the transaction that makes it: the table never grows further, however many come at once."""
    unused = select(Client.client_id).where(Client.registered_by == OPEN, Client.unused_until.is_not(None))
    newest_first = unused.order_by(Client.unused_until.desc(), Client.client_id)
    surplus = (await session.scalars(newest_first.offset(MAX_UNUSED_STRANGERS).limit(10))).all()
    if surplus:
        await delete_unlocked(session, Client, select(Client.client_id).where(Client.client_id.in_(surplus)))


def is_managed_with(client: Client, token: str) -> bool:
    """Whether this is the client's registration access token (RFC 7592 §3)."""
    return hmac.compare_digest(opaque.hash_of(token), client.registration_token_hash or "")


async def replace(session: AsyncSession, client: Client, registration: ClientMetadata, *, now: datetime) -> str | None:
    """As `clients.replace_registration`, for the locked client. People are asked again if it is reached elsewhere now.

    They have consented to a client at certain addresses with certain keys; this one may be somebody else's.
    """
    before = client.registration
    secret = await clients.replace_registration(session, client, registration, now=now)
    if identity_of(before) != identity_of(registration):
        await consents.forget(session, client.client_id)
    return secret


def identity_of(registration: ClientMetadata) -> tuple[object, ...]:
    """Where the client is reached, and how it proves who it is: what a person's consent is bound to."""
    keys = (registration.jwks, registration.jwks_uri, registration.token_endpoint_auth_method)
    return (*sorted(registration.redirect_uris), *keys)


async def note_use(session: AsyncSession, client: Client) -> None:
    """Keep the client, now that a person uses it. Call it after `hold_owners` (store/__init__.py, "Locks")."""
    if client.unused_until is not None:
        await session.execute(update(Client).where(Client.client_id == client.client_id).values(unused_until=None))
