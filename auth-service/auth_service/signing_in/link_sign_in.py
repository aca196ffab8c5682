"""Signing in by a mailed link, for the Better Auth protocol and the hosted pages alike."""

from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.accounts import Account
from ..http.current_session import Current
from ..mail.kinds import Kind
from ..mail.links import MailedLink, use_link
from ..sessions.browser_sessions import BrowserSession
from ..telemetry.counts import MAIL_LINK, counting
from .begun import SecondFactorAsked
from .mail_sign_in import Entered, MailSignInParts, enter, is_sign_in_told, send_cookies
from .mailed_links import InvalidLink, account_of, find_mailed

OUTCOMES: dict[type[Exception], str] = {SecondFactorAsked: "second_factor", InvalidLink: "refused"}


async def sign_in_by_link(
    request: Request, parts: MailSignInParts, token: str, now: datetime, *, current: Current | None = None
) -> tuple[Account, BrowserSession]:
    """Use the link up, start a session, and send its cookie.

    Args:
        current: the browser's session; it continues or ends as in `begin_session`.

    Raises:
        InvalidLink
        SecondFactorAsked: no session is started yet (second_factor.py). The link is used up.
    """
    with counting(parts.counts.sign_ins, MAIL_LINK, OUTCOMES):
        link = await find_mailed(parts, Kind.SIGN_IN, token, now=now)
        if link is None:
            raise InvalidLink
        tells = await is_sign_in_told(request, parts, link.email, now)
        entered = await parts.database.transact(_enter, request, parts, link, tells=tells, current=current, now=now)
        return send_cookies(request, parts, entered, now)


async def _enter(
    session: AsyncSession,
    request: Request,
    parts: MailSignInParts,
    link: MailedLink,
    *,
    tells: bool,
    current: Current | None,
    now: datetime,
) -> Entered:
    await accounts.lock(session, link.account_id)
    account = await account_of(session, link)
    if account is None or not await use_link(session, link, now=now):
        raise InvalidLink
    return await enter(session, request, parts, account, tells=tells, current=current, now=now)
