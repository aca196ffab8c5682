"""Clients that registered themselves (RFC 7591): where each came from, and its end if nobody ever uses it.

`Client.registered_by` is "token:ID" for a client with an initial access token of that id (registration_tokens.py). Its
`unused_until` is the time when the worker deletes it; it is None from a person's first consent or code on.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from ..oauth.client_metadata import ClientMetadata
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


async def register(
    session: AsyncSession, registration: ClientMetadata, *, token_id: str, now: datetime
) -> tuple[Client, str | None]:
    """As `clients.register`, for a client that showed an initial access token."""
    client, secret = await clients.register(session, registration, now=now)
    client.registered_by, client.unused_until = f"token:{token_id}", now + UNUSED_TTL
    return client, secret


async def note_use(session: AsyncSession, client: Client) -> None:
    """Keep the client, now that a person uses it. Call it before `hold_owners`, since it locks the client's row."""
    if client.unused_until is not None:
        await session.execute(update(Client).where(Client.client_id == client.client_id).values(unused_until=None))
