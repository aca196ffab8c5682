"""A new password by a mailed link, for the Better Auth protocol and the hosted pages alike.

A request stores one row, whatever the address is; the worker finds out later whether there is an account. So known and
unknown addresses get the same answer in the same time. The link is used up by the transaction that changes the password
and ends all sessions and grants, so of two simultaneous requests one succeeds.
"""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.accounts import Account
from ..accounts.passwords import PasswordHasher
from ..audit.trail import record
from ..http.current_session import device_of
from ..http.parts import Given
from ..limits.attempts import AttemptLimiter
from ..limits.mail_budgets import MailBudgets
from ..mail.kinds import Kind
from ..mail.letters import choose_language
from ..mail.links import MailedLink, find_link, use_link, void_links
from ..mail.outbox import Outbox
from ..network.networks import networks_of
from ..sessions.browser_sessions import end_sessions
from ..store.database import Database
from ..store.instants import Clock
from .guessing import place_in_queue
from .password_sign_up import CommonPassword


class InvalidLink(Exception):
    """The link is unknown, used, expired, or of an address that the account no longer has."""


@dataclass(frozen=True)
class MailParts(Given):
    database: Database
    outbox: Outbox
    mail_budgets: MailBudgets


@dataclass(frozen=True)
class ResetParts(MailParts):
    clock: Clock
    passwords: PasswordHasher
    attempts: AttemptLimiter


async def request_reset(request: Request, parts: MailParts, email: str, now: datetime, *, return_to: str = "") -> None:
    """Store that a link is wanted for this address. Nothing here depends on whether it has an account.

    Args:
        return_to: the application's page that sets the password; "": ours does.

    Raises:
        TooManyAttempts: too many mails to this address, or caused by this network.
    """
    await parts.database.transact(_request, request, parts, email, now, return_to)


async def _request(
    session: AsyncSession, request: Request, parts: MailParts, email: str, now: datetime, return_to: str
) -> None:
    await parts.mail_budgets.take(session, email, networks_of(device_of(request).ip_address), now=now)
    language = choose_language(request.headers.get("accept-language", ""))
    facts = {"return_to": return_to} if return_to else {}
    parts.outbox.post(session, Kind.RESET_PASSWORD, email, language=language, now=now, **facts)
    await record(session, "password_reset_requested", now=now, most=0)


async def find_reset(parts: MailParts, token: str, *, now: datetime) -> MailedLink | None:
    """The link of this secret, if a password can be set by it now. Nothing changes."""
    async with parts.database.reading() as session:
        link = await find_link(session, Kind.RESET_PASSWORD, token, now=now)
        return link if link is not None and await _account_of(session, link) is not None else None


async def reset_password(request: Request, parts: ResetParts, token: str, password: str, now: datetime) -> None:
    """Set a new password, end all sessions and grants of the account, and tell the person by mail.

    The address counts as verified: the link went there.

    Raises:
        InvalidLink, CommonPassword, TooBusy: the link is not used up.
    """
    link = await find_reset(parts, token, now=now)
    if link is None:
        raise InvalidLink  # before anything is hashed
    with place_in_queue(request, parts.passwords) as place:
        if await place.is_common(password):
            raise CommonPassword
        password_hash = await place.hash(password)
    await parts.database.transact(_reset, request, parts, link, password_hash, parts.clock())


async def _reset(
    session: AsyncSession, request: Request, parts: ResetParts, link: MailedLink, password_hash: str, now: datetime
) -> None:
    await parts.attempts.forget(session, link.email, networks_of(device_of(request).ip_address))
    account_id = link.account_id
    await accounts.lock(session, account_id)
    if not await use_link(session, link, now=now) or await _account_of(session, link) is None:
        raise InvalidLink
    if not await accounts.replace_password_hash(session, account_id, password_hash, replacing=None, now=now):
        raise InvalidLink  # the account has no password that could be replaced
    await accounts.replace_email(session, account_id, link.email, verified=True, now=now)
    await void_links(session, account_id, Kind.RESET_PASSWORD, now=now)
    ended = await end_sessions(session, account_id, now=now)
    language = choose_language(request.headers.get("accept-language", ""))
    parts.outbox.post(session, Kind.PASSWORD_CHANGED, link.email, language=language, now=now)
    await record(session, "password_reset", now=now, account_id=account_id, sessions=ended)


async def _account_of(session: AsyncSession, link: MailedLink) -> Account | None:
    """The link's account, if it is active and still has the address that the link was sent to."""
    account = await accounts.find(session, link.account_id)
    is_good = account is not None and account.suspended_at is None and account.email == link.email
    return account if is_good else None
