"""What an account holds: its roles at some APIs and its groups, read for a token that is about to be issued.

Call it after the token's status index is known. A change that ends what was issued revokes every index that exists, so
a token either has the new roles, or an index that is revoked.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import bindparam, select

from ..store.database import Database
from .assigned import AccountRole
from .groups import GroupMember


@dataclass(frozen=True)
class HeldRoles:
    """Names, each list sorted."""

    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by API
    groups: tuple[str, ...] = ()

    def at(self, resource: str | None) -> tuple[str, ...]:
        return () if resource is None else self.roles.get(resource, ())


NOTHING = HeldRoles()
# Built once: building a statement takes longer than running it on SQLite.
_FIND_ROLES = select(AccountRole.resource, AccountRole.role).where(
    AccountRole.account_id == bindparam("account_id"), AccountRole.resource.in_(bindparam("resources", expanding=True))
)
_FIND_GROUPS = select(GroupMember.group).where(GroupMember.account_id == bindparam("account_id"))


async def find_held(database: Database, account_id: str, resources: Collection[str], *, groups: bool) -> HeldRoles:
    """The account's roles at these APIs and, if wanted, its groups. No query for what is not wanted."""
    roles: dict[str, list[str]] = {}
    names: list[str] = []
    if not resources and not groups:
        return NOTHING
    async with database.reading() as session:
        if resources:
            asked = {"account_id": account_id, "resources": sorted(resources)}
            for resource, role in (await session.execute(_FIND_ROLES, asked)).all():
                roles.setdefault(resource, []).append(role)
        if groups:
            names = [*(await session.scalars(_FIND_GROUPS, {"account_id": account_id})).all()]
    return HeldRoles({resource: tuple(sorted(held)) for resource, held in roles.items()}, tuple(sorted(names)))
