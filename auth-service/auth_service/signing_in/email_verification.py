"""Proving an address by a mailed link, for the Better Auth protocol and the hosted pages alike."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..audit.trail import record
from ..mail.kinds import Kind
from ..mail.links import MailedLink, use_link, void_links
from .mailed_links import InvalidLink, MailParts, account_of, find_mailed


async def verify_email(parts: MailParts, token: str, now: datetime) -> None:
    """Mark the address as verified. It does not sign in.

    Raises:
        InvalidLink
    """
    link = await find_mailed(parts, Kind.VERIFY_EMAIL, token, now=now)
    if link is None:
        raise InvalidLink
    await parts.database.transact(_verify, link, now)


async def _verify(session: AsyncSession, link: MailedLink, now: datetime) -> None:
    await accounts.lock(session, link.account_id)
    if not await use_link(session, link, now=now) or await account_of(session, link) is None:
        raise InvalidLink
    await accounts.replace_email(session, link.account_id, link.email, verified=True, now=now)
    await void_links(session, link.account_id, Kind.VERIFY_EMAIL, now=now)
    await record(session, "email_verified", now=now, account_id=link.account_id)
