"""The changes that lead from the database to what is wanted."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from ...audit.trail import record
from ...clients import clients
from ...oauth.audiences import Resources
from ...oauth.resource_identifiers import InvalidResource
from ...oauth.resources import Resource
from ...resources import owners
from ...resources.owners import Key
from ...roles import groups
from ...roles.groups import GroupRefused
from ...sealed.sealing import Seal
from ...tokens.issued_before import end_issued, lock_sessions
from .apis import ApiChange, change_api, check_api
from .changes import API, CHANGED, CLIENT, GONE, GROUP, NEW, UPSTREAM, Change, compare
from .clients import check, plan_client, plan_end
from .documents import Part
from .upstreams import plan_end as plan_upstream_end
from .upstreams import plan_upstream
from .wanted import Wanted, WantedApi, WantedGroup

CheckAlgorithm = Callable[[AsyncSession, Resource, Resource], Awaitable[None]]


@dataclass(frozen=True)
class Plan:
    """What to do, in this order; and what is in no file any more, but stays because nobody asked to prune."""

    changes: tuple[Change, ...]
    left: tuple[Change, ...]

    @property
    def losses(self) -> tuple[str, ...]:
        return tuple(f"{change.kind} {change.name}: {change.loss}" for change in self.changes if change.loss)

    @property
    def ends(self) -> frozenset[tuple[str, ...]]:
        return frozenset(change.ends for change in self.changes if change.loss)

    def records(self) -> list[dict[str, Any]]:
        """The changes for a program, and what is left."""
        return [each.record() for each in self.changes] + [each.record(is_left=True) for each in self.left]

    def describe(self) -> list[str]:
        lines = [line for change in self.changes for line in change.describe()]
        for change in self.left:
            lines += [f"? {change.kind} {change.name} is in no file any more; --prune deletes it", f"    {change.loss}"]
        if not self.changes:
            return [*lines, "Nothing to change."]
        numbers = {sign: sum(change.sign == sign for change in self.changes) for sign in (NEW, CHANGED, GONE)}
        return [*lines, f"{numbers[NEW]} new, {numbers[CHANGED]} changed, {numbers[GONE]} deleted."]


@dataclass(frozen=True)
class Planner:
    """Makes the plan in one session. `registered` are the APIs as they are stored.

    `check_algorithm` refuses another signing algorithm of an API that its verifiers do not know yet. With `at_once` it
    is not asked, and a service whose roles change loses its access tokens. `seal` seals secrets at upstream providers.
    """

    session: AsyncSession
    registered: Resources
    wanted: Wanted
    grant_types: Sequence[str]
    check_algorithm: CheckAlgorithm
    seal: Seal
    at_once: bool
    now: datetime

    async def plan(self, *, prune: bool) -> Plan:
        """Raises InvalidConfiguration."""
        owned = await owners.load(self.session)
        parts = self._parts()
        for key, part in parts.items():
            if owned.get(key, self.wanted.configuration) != self.wanted.configuration:
                part.refuse(f"{key[0]} {key[1]}: belongs to the configuration {owned[key]!r}")
        gone = await self._gone(owned, parts)
        apis = {each.resource: each for each in self.registered.registered}
        if prune:
            for change in gone:
                apis.pop(change.name, None)
        planned = [await self._api(each, apis) for each in self.wanted.apis]
        planned += [await self._group(each) for each in self.wanted.groups]
        after = Resources(self.registered.issuer, tuple(apis.values()))
        for each in self.wanted.clients:
            checked = check(each, after, self.grant_types)
            planned.append(await plan_client(self.session, checked, ends_tokens=self.at_once, now=self.now))
        planned += [await plan_upstream(self.session, each, self.seal) for each in self.wanted.upstreams]
        changes = [self._owning(key, change, owned) for key, change in zip(parts, planned, strict=True)]
        done = [change for change in changes if change is not None]
        return Plan((*(gone if prune else ()), *done), () if prune else tuple(gone))

    def _parts(self) -> dict[Key, Part]:
        apis = {(API, each.api.resource): each.part for each in self.wanted.apis}
        found = {(GROUP, each.name): each.part for each in self.wanted.groups}
        found |= {(CLIENT, each.client_id): each.part for each in self.wanted.clients}
        return apis | found | {(UPSTREAM, each.upstream.id): each.part for each in self.wanted.upstreams}

    async def _api(self, wanted: WantedApi, apis: dict[str, Resource]) -> Change | None:
        """The change of an API. `apis` becomes what is registered after it."""
        api, before = wanted.api, apis.get(wanted.api.resource)
        try:
            check_api(api, Resources(self.registered.issuer, tuple(apis.values())))
        except InvalidResource as error:
            wanted.part.refuse(str(error), str(error).partition(":")[0])
        apis[api.resource] = api
        if before == api:
            return None
        if before is not None and not self.at_once:
            await self.check_algorithm(self.session, before, api)
        change = ApiChange(before, api)
        details = compare({} if before is None else before.members(), api.members())
        return await self._api_change(change, NEW if before is None else CHANGED, details)

    async def _api_change(self, change: ApiChange, sign: str, details: tuple[str, ...] = ()) -> Change:
        async def store(session: AsyncSession, now: datetime) -> None:
            await change_api(session, change, now=now)

        loss = await change.describe_loss(self.session)
        return Change(API, change.name, sign, store, details, loss, change)

    async def _group(self, wanted: WantedGroup) -> Change | None:
        held = await groups.find(self.session, wanted.name)
        after = {"description": wanted.description}
        if held is not None and held.description == wanted.description:
            return None

        async def store(session: AsyncSession, now: datetime) -> None:
            try:
                await groups.put(session, wanted.name, wanted.description, now=now)
            except GroupRefused as error:
                wanted.part.refuse(str(error))
            await record(session, "group_created", now=now, group=wanted.name)

        details = compare({} if held is None else {"description": held.description}, after)
        return Change(GROUP, wanted.name, NEW if held is None else CHANGED, store, details)

    async def _gone(self, owned: dict[Key, str], parts: dict[Key, Part]) -> list[Change]:
        """What this configuration has made, and is in none of its files any more: clients first."""
        named = [key for key, configuration in owned.items() if configuration == self.wanted.configuration]
        named.sort(key=lambda key: ([UPSTREAM, CLIENT, GROUP, API].index(key[0]), key))
        found = [await self._end(key) for key in named if key not in parts]
        return [self._disowning(change) for change in found if change is not None]

    async def _end(self, key: Key) -> Change | None:
        """The deletion of an object; None if it is gone already."""
        kind, name = key
        if kind == API:
            api = self.registered.find(name)
            return None if api is None else await self._api_change(ApiChange(api, None), GONE)
        if kind == CLIENT:
            client = await clients.find(self.session, name)
            return None if client is None else await plan_end(self.session, client)
        if kind == UPSTREAM:
            return await plan_upstream_end(self.session, name)
        if await groups.find(self.session, name) is None:
            return None

        async def delete(session: AsyncSession, now: datetime) -> None:
            members = groups.select_members(name)
            session_ids = await lock_sessions(session, members)
            await groups.lock_group(session, name)
            await end_issued(session, members, session_ids, now=now)
            await groups.delete_group(session, name)
            await record(session, "group_deleted", now=now, group=name)

        count = await groups.count_members(self.session, name)
        return Change(GROUP, name, GONE, delete, (), f"{count} accounts leave it")

    def _owning(self, key: Key, change: Change | None, owned: dict[Key, str]) -> Change | None:
        """The change, that also notes the configuration; what only commands have made is taken over."""
        if key in owned:
            return change
        name = self.wanted.configuration

        async def store(session: AsyncSession, now: datetime) -> None:
            if change is not None:
                await change.perform(session, now)
            await owners.own(session, key, name, now=now)

        if change is None:
            return Change(key[0], key[1], CHANGED, store, (f"taken over by the configuration {name!r}",))
        return replace(change, perform=store)

    def _disowning(self, change: Change) -> Change:
        async def delete(session: AsyncSession, now: datetime) -> None:
            await change.perform(session, now)
            await owners.disown(session, change.key)

        return replace(change, perform=delete)
