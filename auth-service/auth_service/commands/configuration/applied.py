"""Planning and applying a configuration."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from ...audit.trail import record
from ...resources import resources
from ...roles import groups
from ...sealed.sealing import Seal
from ...tokens.removed_access import lock_clients
from ...tokens.removed_roles import lock_holders
from .plan import CheckAlgorithm, Plan, Planner
from .wanted import Wanted


class NotAsExpected(Exception):
    """Something else would end than was agreed to; the text says what. Nothing has changed."""


async def plan(
    session: AsyncSession,
    issuer: str,
    wanted: Wanted,
    *,
    grant_types: Sequence[str],
    check_algorithm: CheckAlgorithm,
    seal: Seal,
    prune: bool,
    at_once: bool = False,
    now: datetime,
) -> Plan:
    """Raises InvalidConfiguration. Nothing is stored."""
    registered = await resources.load(session, issuer)
    planner = Planner(session, registered, wanted, grant_types, check_algorithm, seal, at_once, now)
    return await planner.plan(prune=prune)


async def apply(
    session: AsyncSession,
    issuer: str,
    wanted: Wanted,
    *,
    grant_types: Sequence[str],
    check_algorithm: CheckAlgorithm,
    seal: Seal,
    prune: bool,
    at_once: bool = False,
    expected: Collection[tuple[str, ...]],
    now: datetime,
) -> Plan:
    """Make the plan and carry it out, in this transaction.

    Other changes of APIs, groups and clients wait. Locks are taken in their order (store/) where several APIs change.

    Args:
        expected: what may end (`Plan.ends`).

    Raises:
        InvalidConfiguration, NotAsExpected
    """
    registered = await resources.load_locked(session, issuer)
    await groups.exclude_others(session)
    await lock_clients(session)
    planner = Planner(session, registered, wanted, grant_types, check_algorithm, seal, at_once, now)
    made = await planner.plan(prune=prune)
    if not made.ends <= set(expected):
        raise NotAsExpected("; ".join(made.losses))
    changed = sorted((each.api for each in made.changes if each.api is not None), key=lambda api: api.name)
    for api in changed:
        if api.lost_roles:
            await lock_holders(session, api.name, api.lost_roles)
    for api in changed:
        await resources.lock(session, api.name)
    for change in made.changes:
        await change.perform(session, now)
    if made.changes:
        changes = len(made.changes)
        await record(session, "configuration_applied", now=now, configuration=wanted.configuration, changes=changes)
    return made
