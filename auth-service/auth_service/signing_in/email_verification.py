"""Proving an address by a mailed link, for the Better Auth protocol and the hosted pages alike.

The link proves the mailbox, but not who has made the account: anybody may sign up with a foreign address. So a browser
that has not signed in to the account is asked for its password. Whoever does not know it sets a new one by the same
link (password_reset.py), which ends all that was there.
"""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..http.current_session import Current, SessionParts
from ..mail.kinds import Kind
from ..mail.links import MailedLink, use_link
from .address_proofs import Ended, is_own_browser, prove_address, would_end
from .confirming import ConfirmingParts, confirm_password
from .guessing import WrongPassword
from .mailed_links import InvalidLink, MailParts, account_of, find_mailed


@dataclass(frozen=True)
class AddressProofParts(SessionParts, MailParts, ConfirmingParts):
    """The parts to prove an address, and to know the browser that does, or the person by the password."""


@dataclass(frozen=True)
class BeforeConfirming:
    """What a browser is asked and told before it confirms an address."""

    password: bool = False  # the account's password, to confirm the address
    ends: bool = False  # confirming ends what may be somebody else's


NOTHING = BeforeConfirming()


async def find_before_confirming(
    request: Request, parts: AddressProofParts, account_id: str, now: datetime, *, current: Current | None
) -> BeforeConfirming:
    async with parts.database.reading() as session:
        account = await accounts.find(session, account_id)
        if account is None or account.email_verified:
            return NOTHING
        if await is_own_browser(session, request, parts.session_cookies, account, current):
            return NOTHING
        has_password = await accounts.find_password_hash(session, account.id) is not None
        return BeforeConfirming(password=has_password, ends=await would_end(session, account, now=now))


async def verify_email(
    request: Request, parts: AddressProofParts, token: str, password: str, now: datetime, *, current: Current | None
) -> Ended:
    """Mark the address as verified. It does not sign in. Returns what ended, as it may be somebody else's.

    Args:
        password: what the person typed, if the browser is asked for it.

    Raises:
        InvalidLink
        WrongPassword, TooManyAttempts, TooBusy: the link is not used up.
    """
    link = await find_mailed(parts, Kind.VERIFY_EMAIL, token, now=now)
    if link is None:
        raise InvalidLink
    shown = await _compare(request, parts, link, password, now, current)
    return await parts.database.transact(_verify, request, parts, link, shown, current, now)


async def _compare(
    request: Request, parts: AddressProofParts, link: MailedLink, password: str, now: datetime, current: Current | None
) -> str | None:
    """The hash of the password that the person has just shown. None: the browser is not asked for one."""
    async with parts.database.reading() as session:
        account = await account_of(session, link)
        if account is None:
            raise InvalidLink
        if await is_own_browser(session, request, parts.session_cookies, account, current):
            return None
        password_hash = await accounts.find_password_hash(session, account.id)
    if password_hash is not None:
        await confirm_password(request, parts, now, account, password)
    return password_hash


async def _verify(
    session: AsyncSession,
    request: Request,
    parts: AddressProofParts,
    link: MailedLink,
    shown: str | None,
    current: Current | None,
    now: datetime,
) -> Ended:
    await accounts.lock(session, link.account_id)
    account = await account_of(session, link)
    if account is None:
        raise InvalidLink
    present = await accounts.find_password_hash(session, account.id)
    is_own = await is_own_browser(session, request, parts.session_cookies, account, current)
    is_own = is_own or (shown is not None and shown == present)
    if not is_own and present is not None:  # the account has got it meanwhile, or it was changed
        raise WrongPassword
    if not await use_link(session, link, now=now):
        raise InvalidLink
    return await prove_address(session, request, parts, account, is_own=is_own, now=now)
