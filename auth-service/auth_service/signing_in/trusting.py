"""Letting a browser sign in without a code for a while, and taking that back."""

from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.accounts import Account
from ..accounts.factors import trusted_browsers
from ..audit.trail import record
from ..http.current_session import device_of
from ..http.factor_cookies import FactorCookies, trust_tag
from ..store.database import Database


async def trust_browser(
    request: Request,
    database: Database,
    cookies: FactorCookies,
    account: Account,
    password_hash: str | None,
    now: datetime,
) -> None:
    """Trust the browser that sent the request, and send its cookie."""
    tag = trust_tag(account.id, password_hash, account.second_factor_at)
    browser_id = await database.transact(_trust, request, account.id, tag, now)
    if browser_id is not None:
        cookies.trust(request, tag, browser_id)


async def _trust(session: AsyncSession, request: Request, account_id: str, tag: str, now: datetime) -> str | None:
    if not await accounts.lock(session, account_id):
        return None  # deleted a moment ago
    device = device_of(request)
    named = {"ip_address": device.ip_address, "user_agent": device.user_agent}
    browser_id = await trusted_browsers.trust(session, account_id, tag, **named, now=now)
    await record(session, "browser_trusted", now=now, account_id=account_id, browser_id=browser_id)
    return browser_id


async def forget_browsers(session: AsyncSession, account_id: str, browser_id: str | None, now: datetime) -> None:
    """Trust one browser of the account no longer, or none of them (None)."""
    await accounts.lock(session, account_id)
    forgotten = await trusted_browsers.forget(session, account_id, browser_id)
    if forgotten:
        await record(session, "browsers_forgotten", now=now, account_id=account_id, browsers=forgotten)
