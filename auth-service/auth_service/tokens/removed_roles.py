"""Taking roles from everybody who has them, when their API no longer declares them or is removed."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ..clients import roles as client_roles
from ..clients.clients import Client
from ..roles import assigned


@dataclass(frozen=True)
class Holders:
    """Numbers of accounts and clients that have a role."""

    accounts: int
    clients: int

    def __str__(self) -> str:
        return f"{self.accounts} accounts and {self.clients} clients"


async def count_holders(session: AsyncSession, resource: str, roles: Collection[str]) -> Holders:
    accounts = await assigned.count_holders(session, resource, roles)
    return Holders(accounts, len(await _clients_with(session, resource, roles)))


async def take_roles(session: AsyncSession, resource: str, roles: Collection[str], *, now: datetime) -> Holders:
    """Take these roles of an API from accounts and clients. All clients are locked (`lock_clients`)."""
    services = await _clients_with(session, resource, roles)
    for client in services:
        left = client_roles.without(client_roles.roles_of(client), resource, roles)
        await client_roles.replace(session, client.client_id, left, now=now)
    return Holders(len(await assigned.take_away(session, resource, roles)), len(services))


async def _clients_with(session: AsyncSession, resource: str, roles: Collection[str]) -> list[Client]:
    with_any = select(Client).where(Client.roles != "{}").order_by(Client.client_id)
    found = (await session.scalars(with_any.execution_options(populate_existing=True))).all()
    return [each for each in found if not set(roles).isdisjoint(client_roles.roles_of(each).get(resource, ()))]
