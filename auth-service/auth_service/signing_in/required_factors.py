"""Whether an account has to have a second factor: by the deployment, by an operator's word, or by a role that it has.

Whoever has to and has none sets one up at the next sign-in, before there is a session (first_factor.py). Sessions of
before go on. A client may ask for one as well; that is a matter of its requests (endpoints/authorize/).
"""

import json
from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts.accounts import Account
from ..oauth.authentication_context import TWO_FACTORS, acr_of
from ..resources.resources import RegisteredResource
from ..roles.assigned import AccountRole
from .factor_checks import FactorChecks


async def is_required(session: AsyncSession, checks: FactorChecks, account_id: str) -> bool:
    if checks.required_of_all:
        return True
    own = select(Account.second_factor_required_at).where(Account.id == account_id)
    if await session.scalar(own) is not None:
        return True
    held = (
        select(AccountRole.role, RegisteredResource.second_factor_roles)
        .join(RegisteredResource, RegisteredResource.resource == AccountRole.resource)
        .where(AccountRole.account_id == account_id, RegisteredResource.second_factor_roles.is_not(None))
    )
    return any(role in json.loads(roles) for role, roles in (await session.execute(held)).all())


async def is_missing(
    session: AsyncSession, checks: FactorChecks, account: Account, methods: Collection[str], client_asks: bool
) -> bool:
    """Whether the client has to see a second factor proved, or the account has to have one and has none."""
    has_proved = acr_of(methods) == TWO_FACTORS
    if has_proved or client_asks:
        return not has_proved
    return account.second_factor_at is None and await is_required(session, checks, account.id)
