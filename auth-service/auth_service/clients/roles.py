"""Roles of services: which client has which role at which API, for its own tokens (client_credentials).

They are a JSON column of the client's row. A client is cached with its row, so a token needs no further query.
"""

import json
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from ..roles import bounds
from ..roles.held import HeldRoles
from .clients import Client

Roles = Mapping[str, Collection[str]]  # names by API


def roles_of(client: Client) -> Roles:
    roles: Roles = json.loads(client.roles)
    return roles


def held_by(client: Client) -> HeldRoles:
    """The same for a token of the client."""
    return HeldRoles({resource: tuple(names) for resource, names in roles_of(client).items()})


async def replace(session: AsyncSession, client_id: str, roles: Roles, *, now: datetime) -> None:
    """Replace all roles of a client. Call it after `lock`.

    Raises:
        TooMany: a token would be too long.
    """
    for names in roles.values():
        bounds.check(names)
    written = json.dumps({resource: sorted(names) for resource, names in sorted(roles.items()) if names})
    await session.execute(update(Client).where(Client.client_id == client_id).values(roles=written, updated_at=now))


async def lock(session: AsyncSession, client_id: str) -> Roles | None:
    """The roles as they are stored now, locked until the transaction ends. None: there is no such client."""
    held = await session.scalar(select(Client.roles).where(Client.client_id == client_id).with_for_update())
    return None if held is None else json.loads(held)


def without(roles: Roles, resource: str, gone: Collection[str] | None = None) -> Roles:
    """What is left without these roles of an API; None: without all of them."""
    left = {api: set(names) for api, names in roles.items()}
    left[resource] = set() if gone is None else left.get(resource, set()) - set(gone)
    return {api: names for api, names in left.items() if names}
