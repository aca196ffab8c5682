"""Signing in by a mailed link, for the Better Auth protocol and the hosted pages alike.

The link takes the place of the password only: `begin_or_ask` asks for a second factor, as after a password.
"""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.accounts import Account
from ..accounts.passkeys import passkeys
from ..accounts.sign_ups import delete_password
from ..http.current_session import Current
from ..mail.kinds import Kind
from ..mail.links import MailedLink, use_link, void_links
from ..oauth.authentication_context import EMAIL
from ..sessions.browser_sessions import BrowserSession, end_sessions
from ..sessions.proofs import Proof
from ..store.instants import Clock
from ..telemetry.counts import MAIL_LINK, RequestCounts, counting
from .begun import BeginParts, SecondFactorAsked, begin_or_ask
from .mailed_links import InvalidLink, MailParts, account_of, find_mailed

BY_LINK = Proof((EMAIL,))
OUTCOMES: dict[type[Exception], str] = {SecondFactorAsked: "second_factor", InvalidLink: "refused"}


@dataclass(frozen=True)
class LinkSignInParts(BeginParts, MailParts):
    clock: Clock
    counts: RequestCounts


async def sign_in_by_link(
    request: Request, parts: LinkSignInParts, token: str, now: datetime, *, current: Current | None = None
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
        account, begun = await parts.database.transact(_begin, request, parts, link, current, now)
        if isinstance(begun, str):
            parts.factor_checks.cookies.set_pending(request, begun)
            raise SecondFactorAsked
    parts.factor_checks.cookies.clear_pending(request)
    parts.session_cookies.set(request, begun, now=now)
    return account, begun


async def _begin(
    session: AsyncSession,
    request: Request,
    parts: LinkSignInParts,
    link: MailedLink,
    current: Current | None,
    now: datetime,
) -> tuple[Account, BrowserSession | str]:
    account_id = link.account_id
    await accounts.lock(session, account_id)
    account = await account_of(session, link)
    if account is None or not await use_link(session, link, now=now):
        raise InvalidLink
    await void_links(session, account_id, Kind.SIGN_IN, now=now)
    if not account.email_verified:
        await _take_over(session, link, now)
    password_hash = await accounts.find_password_hash(session, account_id)
    begun = await begin_or_ask(
        session, request, parts, account_id, password_hash, BY_LINK, remember=True, current=current, now=now
    )
    return account, begun


async def _take_over(session: AsyncSession, link: MailedLink, now: datetime) -> None:
    """Confirm the address, and end what somebody else may have set up with it: password, passkeys, sessions, grants.

    Otherwise whoever signs up with a foreign address shares the account with its owner, who signs in by a link.
    """
    await end_sessions(session, link.account_id, now=now)
    await delete_password(session, link.account_id)
    await passkeys.remove_all(session, link.account_id)
    await accounts.replace_email(session, link.account_id, link.email, verified=True, now=now)
