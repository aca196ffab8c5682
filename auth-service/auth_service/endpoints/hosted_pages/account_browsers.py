"""/account, section "Browsers without a code": those that the person trusts, and how to end that."""

from datetime import datetime
from typing import NamedTuple

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from ...accounts.accounts import Account
from ...accounts.factors import trusted_browsers
from ...http.current_session import Current, SessionParts
from ...http.factor_cookies import trust_tag
from ...http.pages import see_other
from ...oauth.parameters import Parameters
from ...sessions.device_names import name_device
from ...signing_in.trusting import forget_browsers
from .moments import day

BROWSER = "browser"  # the field that names one, by its id


class TrustedBrowser(NamedTuple):
    id: str
    name: str
    address: str  # "": unknown
    since: str
    used: str


async def list_browsers(
    session: AsyncSession, account: Account, password_hash: str | None, now: datetime
) -> list[TrustedBrowser]:
    """The browsers that sign in without a code. None if the account has no second factor."""
    if account.second_factor_at is None:
        return []
    tag = trust_tag(account.id, password_hash, account.second_factor_at)
    return [
        TrustedBrowser(
            each.id, name_device(each.user_agent), each.ip_address, day(each.created_at, now), day(each.used_at, now)
        )
        for each in await trusted_browsers.list_trusted(session, account.id, tag, now=now)
    ]


async def forget_one(
    request: Request, parts: SessionParts, current: Current, form: Parameters, now: datetime
) -> Response:
    """Ask one browser for a code again. Another account's, or none, changes nothing."""
    await parts.database.transact(forget_browsers, current.account.id, form.get(BROWSER) or "", now)
    return see_other("/account", done="forget-browser")


async def forget_all(
    request: Request, parts: SessionParts, current: Current, form: Parameters, now: datetime
) -> Response:
    await parts.database.transact(forget_browsers, current.account.id, None, now)
    return see_other("/account", done="forget-browsers")
