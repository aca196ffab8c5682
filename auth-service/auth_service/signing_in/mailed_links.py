"""Links that are mailed on request, for all kinds of them: posting one, finding it, and whose it is.

A request stores one row, whatever the address is; the worker finds out later whether there is an account. So known and
unknown addresses get the same answer in the same time.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.accounts import Account
from ..audit.trail import record
from ..http.current_session import device_of
from ..http.languages import language_of
from ..http.parts import Given
from ..limits.attempts import TooManyAttempts
from ..limits.mail_budgets import MailBudgets
from ..mail.kinds import Kind
from ..mail.links import MailedLink, find_link
from ..mail.outbox import Outbox, posting
from ..network.networks import networks_of
from ..store.database import Database
from ..store.together import Asked


class InvalidLink(Exception):
    """The link is unknown, used, expired, or of an address that the account no longer has."""


@dataclass(frozen=True)
class MailParts(Given):
    database: Database
    outbox: Outbox
    mail_budgets: MailBudgets


async def request_link(request: Request, parts: MailParts, kind: Kind, email: str, now: datetime, **facts: str) -> None:
    """Store that a link is wanted for this address. Nothing here depends on whether it has an account.

    Args:
        facts: what the worker needs to know. `return_to` is the application's page that the person comes to in the
            end; "": ours.

    Raises:
        TooManyAttempts: too many mails to this address, or caused by this network.
    """
    await parts.database.transact(_request, request, parts, kind, email, now, facts)


async def _request(
    session: AsyncSession,
    request: Request,
    parts: MailParts,
    kind: Kind,
    email: str,
    now: datetime,
    facts: Mapping[str, str],
) -> None:
    await parts.mail_budgets.take(session, email, networks_of(device_of(request).ip_address), now=now)
    post_link(session, request, parts.outbox, kind, email, now, **facts)
    await record(session, f"{kind.value}_requested", now=now, most=0)


def post_link(
    session: AsyncSession,
    request: Request,
    outbox: Outbox,
    kind: Kind,
    email: str,
    now: datetime,
    *,
    language: str | None = None,
    **facts: str,
) -> str | None:
    """Post a mail in the caller's transaction. Returns its id; None: mail is off.

    Args:
        language: of the person; None: that of the page. If the address has an account when the worker writes the
            mail, that account's language counts.
    """
    return outbox.post(session, kind, email, language=language or language_of(request), now=now, **_known(facts))


def posting_link(request: Request, kind: Kind, email: str, now: datetime, **facts: str) -> Asked:
    """The statement of `post_link`, to be sent together with others. The caller has checked that mail is on."""
    return posting(kind, email, language=language_of(request), now=now, **_known(facts))


def _known(facts: Mapping[str, str]) -> dict[str, str]:
    return {name: fact for name, fact in facts.items() if fact}


async def remind_to_verify(request: Request, parts: MailParts, email: str, now: datetime) -> None:
    """Post another link that confirms the address, unless there were too many mails."""
    with suppress(TooManyAttempts):
        await request_link(request, parts, Kind.VERIFY_EMAIL, email, now)


async def may_mail(request: Request, parts: MailParts, email: str, now: datetime) -> bool:
    """Count a mail to the address. False: there were too many, so none is to be sent."""
    networks = networks_of(device_of(request).ip_address)
    try:
        await parts.database.transact(parts.mail_budgets.take, email, networks, now=now)
    except TooManyAttempts:
        return False
    return True


async def find_mailed(parts: MailParts, kind: Kind, token: str, *, now: datetime) -> MailedLink | None:
    """The link of this secret, if it works now. Nothing changes."""
    async with parts.database.reading() as session:
        link = await find_link(session, kind, token, now=now)
        return link if link is not None and await account_of(session, link) is not None else None


async def account_of(session: AsyncSession, link: MailedLink) -> Account | None:
    """The link's account, if it is active and still has the address that the link was sent to, or is to get it.

    A link that confirms an address ends with the first proof of it, whatever that was.
    """
    account = await accounts.find(session, link.account_id)
    if account is None or account.suspended_at is not None:
        return None
    if link.kind == Kind.VERIFY_EMAIL.value and account.email_verified:
        return None
    return account if account.email == link.email or link.kind == Kind.CHANGE_EMAIL.value else None
