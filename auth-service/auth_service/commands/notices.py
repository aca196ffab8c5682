"""Mails that tell a person what an operator has changed in their account."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts.accounts import Account
from ..mail.kinds import Kind
from ..mail.languages.choosing import DEFAULT_LANGUAGE
from ..mail.outbox import Outbox
from ..settings.settings import load_settings


def tell(session: AsyncSession, account: Account, kind: Kind, now: datetime) -> None:
    """Post the mail in the transaction that it is about. Only a confirmed address gets it."""
    outbox = Outbox(is_on=load_settings().mail_target is not None)
    if account.email_verified:
        time = f"{now:%Y-%m-%d %H:%M} UTC"
        outbox.post(session, kind, account.email, language=DEFAULT_LANGUAGE, now=now, time=time)
