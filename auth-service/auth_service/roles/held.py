"""What an account holds: its roles at some APIs and its groups, read for a token that is about to be issued.

Call it after the token's status index is known. A change that ends what was issued revokes every index that exists, so
a token either has the new roles, or an index that is revoked.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import String, bindparam, literal, select, union_all

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
# Built once: building a statement takes longer than running it. In each row one of the two columns is null.
_ROLES = select(AccountRole.role, literal(None, String)).where(
    AccountRole.account_id == bindparam("account_id"), AccountRole.resource == bindparam("api")
)
_GROUPS = select(literal(None, String), GroupMember.group).where(GroupMember.account_id == bindparam("account_id"))
_BOTH = union_all(_ROLES, _GROUPS)


async def find_held(database: Database, account_id: str, api: str | None, *, groups: bool) -> HeldRoles:
    """The account's roles at this API (None: at none) and, if wanted, its groups. No query for what is not wanted."""
    if api is None and not groups:
        return NOTHING
    statement = _GROUPS if api is None else _BOTH if groups else _ROLES
    at = {} if api is None else {"api": api}
    rows = await database.find_rows(statement, {"account_id": account_id, **at})
    roles, names = (tuple(sorted(row[column] for row in rows if row[column] is not None)) for column in (0, 1))
    return HeldRoles({} if api is None else {api: roles}, names)
