"""Telling a person by mail what happened to their second factor."""

from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts.accounts import Account
from ..accounts.factors import recovery_codes
from ..mail.kinds import Kind
from .mailed_links import MailParts, post_link


def tell_change(
    session: AsyncSession, request: Request, parts: MailParts, account: Account, kind: Kind, now: datetime, **facts: str
) -> None:
    """Post the mail in the transaction that it is about. Only a confirmed address gets it: another may not be theirs.

    There is no budget: each of these needs the password or a code, which are counted.
    """
    if account.email_verified:
        time = f"{now:%Y-%m-%d %H:%M} UTC"
        post_link(session, request, parts.outbox, kind, account.email, now, time=time, **facts)


async def tell_recovery_code(
    session: AsyncSession, request: Request, parts: MailParts, account: Account, now: datetime
) -> int:
    """Post the mail about a recovery code that was used. Returns how many are left."""
    left = await recovery_codes.count_unused(session, account.id)
    tell_change(session, request, parts, account, Kind.RECOVERY_CODE_USED, now, left=str(left))
    return left
