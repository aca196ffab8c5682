"""A new password by a mailed link, for the Better Auth protocol and the hosted pages alike.

The link is used up by the transaction that changes the password
and ends all sessions and grants, so of two simultaneous requests one succeeds.
"""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.sign_ups import create_password
from ..accounts.weak_passwords import about
from ..audit.trail import record
from ..http.current_session import device_of
from ..http.session_cookies import SessionCookies
from ..limits.attempts import AttemptLimiter
from ..mail.kinds import Kind
from ..mail.links import MailedLink, use_link, void_links
from ..network.networks import networks_of
from ..sessions.browser_sessions import end_sessions
from ..store.instants import Clock
from .address_proofs import is_own_browser, prove_address
from .guessing import place_in_queue
from .mailed_links import InvalidLink, MailParts, account_of, find_mailed, post_link
from .new_passwords import NewPasswordParts, judge_new


@dataclass(frozen=True)
class ResetParts(MailParts, NewPasswordParts):
    clock: Clock
    attempts: AttemptLimiter
    session_cookies: SessionCookies


async def reset_password(
    request: Request, parts: ResetParts, token: str, password: str, now: datetime, *, kind: Kind = Kind.RESET_PASSWORD
) -> None:
    """Set a new password, end all sessions and grants of the account, and tell the person by mail.

    The address counts as verified: the link went there.

    Args:
        kind: of the link. One that confirms an address sets a password, too, if somebody else may have chosen the
            present one.

    Raises:
        InvalidLink, WeakPassword, TooBusy: the link is not used up.
    """
    link = await find_mailed(parts, kind, token, now=now)
    if link is None:
        raise InvalidLink  # before anything is hashed
    async with parts.database.reading() as session:
        account = await accounts.find(session, link.account_id)
    await judge_new(request, parts, password, *(about(account) if account else ()))
    with place_in_queue(request, parts.passwords) as place:
        password_hash = await place.hash(password)
    await parts.database.transact(_reset, request, parts, link, password_hash, parts.clock())


async def _reset(
    session: AsyncSession, request: Request, parts: ResetParts, link: MailedLink, password_hash: str, now: datetime
) -> None:
    await parts.attempts.forget(session, link.email, networks_of(device_of(request).ip_address))
    account_id = link.account_id
    await accounts.lock(session, account_id)
    account = await account_of(session, link)
    if not await use_link(session, link, now=now) or account is None:
        raise InvalidLink
    is_own = await is_own_browser(session, request, parts.session_cookies, account, None)
    proved = await prove_address(session, request, parts, account, is_own=is_own, keeps_password=True, now=now)
    if not await accounts.replace_password_hash(session, account_id, password_hash, replacing=None, now=now):
        await create_password(session, account_id, password_hash, now=now)
    await void_links(session, account_id, Kind.RESET_PASSWORD, now=now)
    ended = proved.sessions + await end_sessions(session, account_id, now=now)
    post_link(session, request, parts.outbox, Kind.PASSWORD_CHANGED, link.email, now)
    await record(session, "password_reset", now=now, account_id=account_id, sessions=ended)
