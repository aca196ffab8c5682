"""Whether an account has to have a second factor: by the deployment, by an operator's word, or by a role that it has.

Whoever has to and has none sets one up at the next sign-in, before there is a session (first_factor.py). Sessions of
before go on. A client may ask for one as well; that is a matter of its requests (endpoints/authorize/).
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts.accounts import Account
from ..oauth.audiences import Resources
from ..resources.resources import RegisteredResource
from ..roles.assigned import AccountRole
from ..store.database import Database
from ..store.together import Asked, Rows, send
from .factor_checks import FactorChecks


@dataclass(frozen=True)
class Factor:
    """An account's second factor.

    Attributes:
        on_since: when it was turned on; None: the account has none.
        is_required: whether the account has to have one.
    """

    on_since: datetime | None
    is_required: bool


def finding_factor(account_id: str) -> Asked:
    """Read the account's second factor, with a row for each of its roles and what that role's API requires."""
    return Asked(_FIND, {"account_id": account_id})


def read_factor(rows: Rows, checks: FactorChecks) -> Factor:
    """The account's second factor, by the rows of `finding_factor`. Without rows the account is gone."""
    on_since, required_at = rows[0][:2] if rows else (None, None)
    by_a_role = _is_required_by_a_role([(role, roles) for *_, role, roles in rows])
    return Factor(on_since, checks.required_of_all or required_at is not None or by_a_role)


async def is_required(session: AsyncSession, checks: FactorChecks, account_id: str) -> bool:
    found = await send(session, {"factor": finding_factor(account_id)})
    return read_factor(found["factor"], checks).is_required


async def is_required_now(database: Database, checks: FactorChecks, account: Account, resources: Resources) -> bool:
    """As `is_required`, for an account that was read a moment ago. No query unless an API has such roles.

    Args:
        resources: the APIs, which may be some seconds old, as everything that they say.
    """
    if checks.required_of_all or account.second_factor_required_at is not None:
        return True
    if not any(api.second_factor_roles for api in resources.registered):
        return False
    held = await database.find_rows(_FIND, {"account_id": account.id})
    return _is_required_by_a_role([(role, roles) for *_, role, roles in held])


def _is_required_by_a_role(held: Iterable[tuple[str | None, str | None]]) -> bool:
    return any(role in json.loads(roles) for role, roles in held if roles is not None)


# Built once: building a statement takes longer than running it on SQLite.
_FIND = (
    select(
        Account.second_factor_at,
        Account.second_factor_required_at,
        AccountRole.role,
        RegisteredResource.second_factor_roles,
    )
    .outerjoin(AccountRole, AccountRole.account_id == Account.id)
    .outerjoin(RegisteredResource, RegisteredResource.resource == AccountRole.resource)
    .where(Account.id == bindparam("account_id"))
)
