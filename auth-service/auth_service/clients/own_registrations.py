"""Clients that registered themselves (RFC 7591): where each came from, and its end if nobody ever uses it.

`Client.registered_by` is "token:ID" for a client with an initial access token of that id (registration_tokens.py). Its
`unused_until` is the time when the worker deletes it; it is None from a person's first consent or code on. The client
manages its registration with a registration access token (RFC 7592), of which only the hash is stored.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from ..grants import consents
from ..oauth.client_metadata import ClientMetadata
from ..sealed import opaque
from . import clients
from .clients import Client

OFF, TOKEN = "off", "token"  # AUTH_REGISTRATION
UNUSED_TTL = timedelta(days=30)  # a registration with an initial access token may wait for its first person this long


@dataclass(frozen=True)
class Registration:
    """Who may register: nobody (OFF), or programs with an initial access token (TOKEN)."""

    mode: str

    @property
    def is_on(self) -> bool:
        return self.mode != OFF


@dataclass(frozen=True)
class Registered:
    """A new client. Secret and registration access token cannot be read again later."""

    client: Client
    secret: str | None
    token: str


async def register(session: AsyncSession, registration: ClientMetadata, *, token_id: str, now: datetime) -> Registered:
    """As `clients.register`, for a client that showed an initial access token."""
    client, secret = await clients.register(session, registration, now=now)
    client.registered_by, client.unused_until = f"token:{token_id}", now + UNUSED_TTL
    token = opaque.draw()
    client.registration_token_hash = opaque.hash_of(token)
    return Registered(client, secret, token)


def is_managed_with(client: Client, token: str) -> bool:
    """Whether this is the client's registration access token (RFC 7592 §3)."""
    return hmac.compare_digest(opaque.hash_of(token), client.registration_token_hash or "")


async def replace(session: AsyncSession, client: Client, registration: ClientMetadata, *, now: datetime) -> str | None:
    """As `clients.replace_registration`, for the locked client. People are asked again if it is reached elsewhere now.

    They have consented to a client at certain addresses with certain keys; this one may be somebody else's.
    """
    before = client.registration
    secret = await clients.replace_registration(session, client, registration, now=now)
    if _identity_of(before) != _identity_of(registration):
        await consents.forget(session, client.client_id)
    return secret


def _identity_of(registration: ClientMetadata) -> tuple[object, ...]:
    keys = (registration.jwks, registration.jwks_uri, registration.token_endpoint_auth_method)
    return (*sorted(registration.redirect_uris), *keys)


async def note_use(session: AsyncSession, client: Client) -> None:
    """Keep the client, now that a person uses it. Call it after `hold_owners` (store/__init__.py, "Locks")."""
    if client.unused_until is not None:
        await session.execute(update(Client).where(Client.client_id == client.client_id).values(unused_until=None))
