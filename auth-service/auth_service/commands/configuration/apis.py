"""Changing the registry of APIs, with all that a change takes away. `resources` and `apply` do it here."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from ...audit.trail import record
from ...oauth.audiences import Resources
from ...oauth.resource_identifiers import InvalidResource
from ...oauth.resources import Resource
from ...resources import resources as registry
from ...tokens.removed_access import Loss, count_affected, lock_clients, loss_of, take_away
from ...tokens.removed_roles import count_holders, end_roles, lock_holders

MAX_RESOURCES = 1000


@dataclass(frozen=True)
class ApiChange:
    """An API before and after. `before` is None for a new one, `after` for a removed one."""

    before: Resource | None
    after: Resource | None

    @property
    def name(self) -> str:
        one = self.after or self.before
        return "" if one is None else one.resource

    @property
    def loss(self) -> Loss:
        if self.before is None:
            return Loss(self.name, frozenset(), is_whole=False)
        if self.after is None:
            return loss_of(self.before)
        return Loss(self.name, frozenset(self.before.scopes.keys() - self.after.scopes.keys()), is_whole=False)

    @property
    def lost_roles(self) -> tuple[str, ...]:
        """Roles that the API no longer declares. A removed API takes all of its own with it (`loss`)."""
        if self.before is None or self.after is None:
            return ()
        return tuple(sorted(self.before.roles.keys() - self.after.roles.keys()))

    async def describe_loss(self, session: AsyncSession) -> str:
        """What would be lost, in words for an operator; empty if nothing is."""
        told = []
        if self.lost_roles:
            holders = await count_holders(session, self.name, self.lost_roles)
            told.append(f"role {', '.join(self.lost_roles)} would be removed: {holders} lose it")
        if self.loss:
            what = self.name if self.loss.is_whole else " ".join(sorted(self.loss.scopes))
            told.append(f"{what} would be removed: {await count_affected(session, self.loss)} lose it")
        return "; ".join(told)


def check_api(resource: Resource, resources: Resources) -> None:
    """Raises InvalidResource if the API could be taken for another one, or there are too many."""
    is_new = resources.find(resource.resource) is None
    if is_new and len(resources.registered) >= MAX_RESOURCES:
        raise InvalidResource(f"there are {MAX_RESOURCES} APIs already, which is the limit")
    resources.check_new(resource)


async def change_api(session: AsyncSession, change: ApiChange, *, now: datetime) -> None:
    """Store the change. Call it after `load_locked` and the checks; locks are taken in their order (store/)."""
    roles = change.lost_roles
    if change.loss or roles:
        await lock_clients(session)
    session_ids = await lock_holders(session, change.name, roles) if roles else ()
    if change.after is None:
        await take_away(session, change.loss, now=now)
        await record(session, "resource_removed", now=now, resource=change.name)
        return
    await registry.put(session, change.after, now=now)
    if roles:
        await end_roles(session, change.name, roles, session_ids, now=now)
    if change.loss:
        await take_away(session, change.loss, now=now)
    scope = " ".join(change.after.scopes)
    await record(session, "resource_registered", now=now, resource=change.name, scope=scope)
