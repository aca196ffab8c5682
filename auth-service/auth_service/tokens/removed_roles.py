"""Taking roles from everybody who has them, when their API no longer declares them or is removed."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from ..clients import clients
from ..clients import roles as client_roles
from ..clients.clients import Client
from ..roles import assigned
from .issued_before import end_issued, lock_sessions


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


async def lock_holders(session: AsyncSession, resource: str, roles: Collection[str]) -> Sequence[str]:
    """Lock the sessions of the accounts with one of these roles, before their API is changed. Returns their ids."""
    return await lock_sessions(session, assigned.select_holders(resource, roles))


async def end_roles(
    session: AsyncSession, resource: str, roles: Collection[str], session_ids: Sequence[str], *, now: datetime
) -> None:
    """Take roles that an API no longer declares, and end all tokens of those who had one.

    All clients are locked (`lock_clients`).

    Args:
        session_ids: what `lock_holders` returned.
    """
    await assigned.lock(session, resource=resource)
    await end_issued(session, assigned.select_holders(resource, roles), session_ids, now=now)
    for client in await take_roles(session, resource, roles, now=now):
        await clients.revoke_own_tokens(session, client.client_id, now=now)


async def take_roles(
    session: AsyncSession, resource: str, roles: Collection[str], *, now: datetime
) -> Sequence[Client]:
    """Take these roles from accounts and clients. Returns the clients. All clients are locked (`lock_clients`)."""
    services = await _clients_with(session, resource, roles)
    for client in services:
        left = client_roles.without(client_roles.roles_of(client), resource, roles)
        await client_roles.replace(session, client.client_id, left, now=now)
    await assigned.take_away(session, resource, roles)
    return services


async def _clients_with(session: AsyncSession, resource: str, roles: Collection[str]) -> list[Client]:
    with_any: Select[Client] = select(Client).where(Client.roles != "{}").order_by(Client.client_id)
    found = (await session.scalars(with_any.execution_options(populate_existing=True))).all()
    return [each for each in found if not set(roles).isdisjoint(client_roles.roles_of(each).get(resource, ()))]
