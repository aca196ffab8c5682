"""Telling a person by mail that somebody has signed in from a browser that is new to the account."""

from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts.accounts import Account
from ..http.current_session import device_of
from ..limits.attempts import TooManyAttempts
from ..mail.kinds import Kind
from ..store.together import Asked
from .mailed_links import MailParts, post_link, posting_link

UNKNOWN_ADDRESS = "?"


async def is_to_be_told(parts: MailParts, account: Account, now: datetime, *, knows_device: bool) -> bool:
    """Whether a mail is due. It counts one, so ask once for a sign-in.

    Only a confirmed address gets such mails, a few in a day: it may not be the person's otherwise.
    """
    if knows_device or not parts.outbox.is_on or not account.email_verified:
        return False
    try:
        await parts.mail_budgets.take_notice_alone(parts.database, account.id, now=now)
    except TooManyAttempts:
        return False
    return True


def tell(session: AsyncSession, request: Request, parts: MailParts, account: Account, now: datetime) -> None:
    """Post the mail, in the transaction that starts the session. The browser's own words are not in it."""
    post_link(session, request, parts.outbox, Kind.NEW_DEVICE, account.email, now, **_facts(request, now))


def telling(request: Request, account: Account, now: datetime) -> Asked:
    """The statement of `tell`, to be sent together with others."""
    return posting_link(request, Kind.NEW_DEVICE, account.email, now, **_facts(request, now))


def _facts(request: Request, now: datetime) -> dict[str, str]:
    return {"time": f"{now:%Y-%m-%d %H:%M} UTC", "address": device_of(request).ip_address or UNKNOWN_ADDRESS}
