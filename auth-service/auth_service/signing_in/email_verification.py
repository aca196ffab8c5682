"""Proving an address by a mailed link, for the Better Auth protocol and the hosted pages alike."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..http.current_session import Current, SessionParts
from ..mail.kinds import Kind
from ..mail.links import MailedLink, use_link, void_links
from .address_proofs import Ended, is_own_browser, prove_address, would_end
from .mailed_links import InvalidLink, MailParts, account_of, find_mailed


@dataclass(frozen=True)
class AddressProofParts(SessionParts, MailParts):
    """The parts to prove an address, and to know the browser that does."""


async def verify_email(
    request: Request, parts: AddressProofParts, token: str, now: datetime, *, current: Current | None
) -> Ended:
    """Mark the address as verified. It does not sign in. Returns what ended, as it may be somebody else's.

    Raises:
        InvalidLink
    """
    link = await find_mailed(parts, Kind.VERIFY_EMAIL, token, now=now)
    if link is None:
        raise InvalidLink
    return await parts.database.transact(_verify, request, parts, link, current, now)


async def warns(
    request: Request, parts: AddressProofParts, account_id: str, now: datetime, *, current: Current | None
) -> bool:
    """Whether confirming in this browser would end something, so that its person is told before."""
    async with parts.database.reading() as session:
        account = await accounts.find(session, account_id)
        if account is None or account.email_verified:
            return False
        if await is_own_browser(session, request, parts.session_cookies, account, current):
            return False
        return await would_end(session, account, now=now)


async def _verify(
    session: AsyncSession,
    request: Request,
    parts: AddressProofParts,
    link: MailedLink,
    current: Current | None,
    now: datetime,
) -> Ended:
    await accounts.lock(session, link.account_id)
    account = await account_of(session, link)
    if account is None or not await use_link(session, link, now=now):
        raise InvalidLink
    await void_links(session, link.account_id, Kind.VERIFY_EMAIL, now=now)
    is_own = await is_own_browser(session, request, parts.session_cookies, account, current)
    return await prove_address(session, account, is_own=is_own, now=now)
