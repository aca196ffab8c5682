"""Another e-mail address of an account: asked for by its owner, and confirmed by a link that is mailed to it.

The link works only for the person who is signed in to the account. Whoever gets it because of a typing error could
otherwise take the address, and by it the account.

Of an account with a second factor, that is asked for first: the new address could start a recovery (recovery_start.py).
"""

from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.factors import recoveries
from ..audit.trail import record
from ..http.current_session import Current
from ..mail.kinds import Kind
from ..mail.links import MailedLink, use_link, void_all_links
from .mailed_links import InvalidLink, MailParts, account_of, find_mailed, post_link, request_link


async def request_change(
    request: Request, parts: MailParts, current: Current, email: str, now: datetime, *, return_to: str = ""
) -> None:
    """Post a mail to the new address. An address that has an account gets none; the caller is not told.

    The caller has made sure that nothing is missing (`lacks_second_factor`).

    Raises:
        TooManyAttempts: too many mails to this address, or caused by this network.
    """
    whose = {"account_id": current.account.id, "replaces": current.account.email}
    await request_link(request, parts, Kind.CHANGE_EMAIL, email, now, return_to=return_to, **whose)


async def change_email(request: Request, parts: MailParts, current: Current, token: str, now: datetime) -> None:
    """Give the account the address that the link went to, and tell the old one. Sessions go on.

    All other links that were mailed to the account end.

    Raises:
        InvalidLink: also for the link of another account.
        EmailTaken: the address has got an account meanwhile.
    """
    link = await find_mailed(parts, Kind.CHANGE_EMAIL, token, now=now)
    if link is None or link.account_id != current.account.id:
        raise InvalidLink
    await parts.database.transact(_change, request, parts, link, now)


async def _change(session: AsyncSession, request: Request, parts: MailParts, link: MailedLink, now: datetime) -> None:
    await accounts.lock(session, link.account_id)
    account = await account_of(session, link)
    if account is None or not await use_link(session, link, now=now):
        raise InvalidLink
    old, language = account.email, account.language
    await void_all_links(session, link.account_id, now=now)
    await recoveries.end(session, link.account_id, now=now)
    await accounts.replace_email(session, link.account_id, link.email, verified=True, now=now)
    post_link(session, request, parts.outbox, Kind.EMAIL_CHANGED, old, now, language=language)
    await record(session, "email_changed", now=now, account_id=link.account_id)
