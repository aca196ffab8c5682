"""Deleting one's own account, for the Better Auth protocol and the hosted pages alike: at once, or by a mailed link.

Opening the link deletes nothing, and it works only in a browser that is signed in to the account.
"""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..audit.trail import record
from ..http.current_session import Current
from ..http.session_cookies import SessionCookies
from ..mail.kinds import Kind
from ..mail.links import MailedLink, use_link
from ..sessions.browser_sessions import delete_with_sessions
from .mailed_links import InvalidLink, MailParts, account_of, find_mailed, post_link, request_link


@dataclass(frozen=True)
class DeletionParts(MailParts):
    """The parts to delete the account of the person who is signed in, and to post a mail about it."""

    session_cookies: SessionCookies


async def delete_account(request: Request, parts: DeletionParts, current: Current, now: datetime) -> None:
    """Delete the account with all that belongs to it. The caller has made sure that its owner wants it."""
    await parts.database.transact(_delete, request, parts, current.account.id, now)
    parts.session_cookies.clear(request)


async def request_deletion(
    request: Request, parts: DeletionParts, current: Current, now: datetime, *, return_to: str = ""
) -> None:
    """Post a mail with a link that asks for the deletion again.

    Raises:
        TooManyAttempts: too many mails to this address, or caused by this network.
    """
    await request_link(request, parts, Kind.DELETE_ACCOUNT, current.account.email, now, return_to=return_to)


async def delete_by_link(request: Request, parts: DeletionParts, current: Current, token: str, now: datetime) -> None:
    """Delete the account that the link was mailed for.

    Raises:
        InvalidLink: also for the link of another account.
    """
    link = await find_mailed(parts, Kind.DELETE_ACCOUNT, token, now=now)
    if link is None or link.account_id != current.account.id:
        raise InvalidLink
    await parts.database.transact(_delete, request, parts, link.account_id, now, link)
    parts.session_cookies.clear(request)


async def _delete(
    session: AsyncSession,
    request: Request,
    parts: DeletionParts,
    account_id: str,
    now: datetime,
    link: MailedLink | None = None,
) -> None:
    """Only a confirmed address is told: another one may not be the person's."""
    await accounts.lock(session, account_id)
    if link is not None and (await account_of(session, link) is None or not await use_link(session, link, now=now)):
        raise InvalidLink
    account = await accounts.find(session, account_id)
    told = account.email if account is not None and account.email_verified else None
    language = account.language if account is not None else None
    await delete_with_sessions(session, account_id, now=now)
    if told is not None:
        post_link(session, request, parts.outbox, Kind.ACCOUNT_DELETED, told, now, language=language)
    await record(session, "account_deleted", now=now, account_id=account_id)
