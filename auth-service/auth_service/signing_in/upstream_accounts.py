"""The account of a person who is not linked to one yet: a new one, or the one with their address.

They join the account with their address if three things hold: the operator trusts the provider, it says that the
address is verified, and the account has verified it, too. Otherwise they have to sign in to that account first, and
link the provider there.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.accounts import Account
from ..accounts.sign_ups import create_without_password
from ..accounts.upstreams import identities
from ..audit.trail import record
from ..http.current_session import device_of
from ..http.languages import find_named
from ..limits.attempts import TooManyAttempts
from ..mail.kinds import Kind
from ..network.networks import networks_of
from ..oauth.upstream_answers import Person
from ..oauth.upstreams import Upstream
from .mailed_links import MailParts, post_link
from .password_sign_in import AccountSuspended


class AddressMissing(Exception):
    """The provider names no address, which a new account needs."""


class AddressTaken(Exception):
    """An account has this address, and the provider's word is not enough to join it."""


class NoSignUp(Exception):
    """People of this provider get no new account."""


class Raced(Exception):
    """Another request has just made the account, or the link."""


@dataclass(frozen=True)
class UpstreamAccountParts(MailParts):
    requires_verified_email: bool


@dataclass(frozen=True)
class Known:
    """Whom the person may become here, as it was when it was read, and which mails are due."""

    upstream: Upstream
    person: Person
    email: str | None  # the provider's, as parse_email returns it
    mails_link: bool = False  # a link that confirms the address of a new account
    tells_device: bool = False

    @property
    def is_vouched_for(self) -> bool:
        """Whether the provider's word about the address counts as a proof."""
        return self.upstream.trusted and self.person.email_verified


async def find_secretly_taken(
    session: AsyncSession, request: Request, parts: UpstreamAccountParts, known: Known, now: datetime
) -> Account | None:
    """The account of the address, if nobody may learn that there is one: then its owner is told by mail.

    That is so while addresses have to be confirmed, as at a sign-up (password_sign_up.py).
    """
    if not parts.requires_verified_email or known.is_vouched_for or known.email is None:
        return None
    if not known.upstream.sign_up:
        raise NoSignUp
    account = await accounts.find(session, known.email)
    if account is not None:
        await parts.mail_budgets.take(session, known.email, networks_of(device_of(request).ip_address), now=now)
        post_link(session, request, parts.outbox, Kind.ACCOUNT_EXISTS, known.email, now)
        await record(session, "sign_up_taken", now=now, most=0)
    return account


async def join_or_create(
    session: AsyncSession, request: Request, parts: UpstreamAccountParts, known: Known, now: datetime
) -> tuple[Account, bool]:
    """The account that the person joins, or a new one; whether it is new."""
    if known.email is None:
        raise AddressMissing
    account = await accounts.find(session, known.email)
    if account is None:
        return await _create(session, request, parts, known, known.email, now), True
    if not known.is_vouched_for or not account.email_verified:
        raise AddressTaken
    with suppress(TooManyAttempts):  # the join happens anyway, and is in the audit trail
        await parts.mail_budgets.take_notice(session, account.id, now=now)
        provider = known.upstream.name
        post_link(session, request, parts.outbox, Kind.UPSTREAM_LINKED, account.email, now, provider=provider)
    if not await accounts.lock(session, account.id, active_only=True):
        raise AccountSuspended
    await session.refresh(account)  # now that nobody changes it any more
    if not account.email_verified or account.email != known.email:
        raise AddressTaken
    await _link(session, account.id, known, now)
    return account, False


async def _create(
    session: AsyncSession, request: Request, parts: UpstreamAccountParts, known: Known, email: str, now: datetime
) -> Account:
    if not known.upstream.sign_up:
        raise NoSignUp
    if known.mails_link and parts.requires_verified_email:
        await parts.mail_budgets.take(session, email, networks_of(device_of(request).ip_address), now=now)
    person, verified = known.person, known.is_vouched_for
    account = await create_without_password(
        session,
        email=email,
        name=person.name,
        image=person.picture,
        verified=verified,
        language=find_named(request),
        now=now,
    )
    await record(session, "signed_up", now=now, account_id=account.id, upstream=known.upstream.id)
    await _link(session, account.id, known, now)
    if known.mails_link:
        post_link(session, request, parts.outbox, Kind.VERIFY_EMAIL, email, now)
    return account


async def _link(session: AsyncSession, account_id: str, known: Known, now: datetime) -> None:
    upstream_id = known.upstream.id
    linked = await identities.link(session, account_id, known.person, upstream_id, now=now)
    if linked is None:
        raise Raced
    await record(
        session, "upstream_linked", now=now, account_id=account_id, upstream=upstream_id, identity_id=linked.id
    )
