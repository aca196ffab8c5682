"""Whether an account has to have a second factor: by the deployment, by an operator's word, or by a role that it has.

Whoever has to and has none sets one up at the next sign-in, before there is a session (first_factor.py). Sessions of
before go on. A client may ask for one as well; that is a matter of its requests (endpoints/authorize/).
"""

import json

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts.accounts import Account
from ..resources.resources import RegisteredResource
from ..roles.assigned import AccountRole
from .factor_checks import FactorChecks


async def is_required(session: AsyncSession, checks: FactorChecks, account_id: str) -> bool:
    if checks.required_of_all:
        return True
    whose = {"account_id": account_id}
    if await session.scalar(_FIND_OWN, whose) is not None:
        return True
    return any(role in json.loads(roles or "[]") for role, roles in (await session.execute(_FIND_HELD, whose)).all())


# Built once: building a statement takes longer than running it on SQLite.
_FIND_OWN = select(Account.second_factor_required_at).where(Account.id == bindparam("account_id"))
_FIND_HELD = (
    select(AccountRole.role, RegisteredResource.second_factor_roles)
    .join(RegisteredResource, RegisteredResource.resource == AccountRole.resource)
    .where(AccountRole.account_id == bindparam("account_id"), RegisteredResource.second_factor_roles.is_not(None))
)
