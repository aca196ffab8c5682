"""Signing in by an upstream provider, for the Better Auth protocol and the hosted pages alike.

The provider's ID token takes the password's place; nothing can be guessed, so no budget of attempts is used. A second
factor is asked for as after a password, whatever the provider says that it has asked for.

A person whom nobody here is linked to gets a new account, or joins the one with their address if three things hold:
the operator trusts the provider, it says that the address is verified, and the account has verified it, too. Otherwise
the person has to sign in to that account first, and links the provider there.
"""

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts, upstream_identities
from ..accounts.accounts import Account, EmailTaken
from ..accounts.email_addresses import parse_email
from ..accounts.sign_ups import create_without_password
from ..audit.trail import record
from ..http.current_session import Current, device_of
from ..http.session_cookies import device_tag
from ..limits.attempts import TooManyAttempts
from ..mail.kinds import Kind
from ..network.networks import networks_of
from ..oauth.authentication_context import FEDERATED
from ..oauth.upstream_answers import Answer, BadAnswer, Person
from ..oauth.upstreams import Upstream
from ..sessions.browser_sessions import BrowserSession
from ..sessions.proofs import Proof
from ..store.instants import Clock
from ..telemetry.counts import UPSTREAM, RequestCounts, counting
from ..upstreams.discovery import ProviderUnavailable
from ..upstreams.starts import CONFIRM, Start, Used
from .begun import Asked, BeginParts, SecondFactorAsked, begin_or_ask
from .mailed_links import MailParts, may_mail, post_link, remind_to_verify
from .new_devices import is_to_be_told, tell
from .password_sign_in import AccountSuspended, EmailNotVerified
from .upstream_answer import Declined, NotAskedAgain, UpstreamAnswerParts, identify

BY_UPSTREAM = Proof((FEDERATED,))


class AddressMissing(Exception):
    """The provider names no address, which a new account needs."""


class AddressTaken(Exception):
    """An account has this address, and the provider's word is not enough to join it."""


class NoSignUp(Exception):
    """People of this provider get no new account."""


class AnotherPerson(Exception):
    """The person was to confirm who they are, and is somebody else at the provider."""


class _Raced(Exception):
    """Another request has just made the account, or the link."""


OUTCOMES: dict[type[Exception], str] = {
    SecondFactorAsked: "second_factor",
    Declined: "declined",
    NotAskedAgain: "refused",
    BadAnswer: "refused",
    AddressMissing: "refused",
    AddressTaken: "refused",
    NoSignUp: "refused",
    AnotherPerson: "refused",
    ProviderUnavailable: "unavailable",
    AccountSuspended: "suspended",
    EmailNotVerified: "unverified",
    TooManyAttempts: "held",
}


@dataclass(frozen=True)
class UpstreamSignInParts(BeginParts, MailParts, UpstreamAnswerParts):
    clock: Clock
    counts: RequestCounts
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


@dataclass(frozen=True)
class Entered:
    account: Account
    begun: BrowserSession | Asked | None  # None: the address has to be confirmed first
    is_new: bool
    password_hash: str | None = field(repr=False)


async def sign_in_by_upstream(
    request: Request,
    parts: UpstreamSignInParts,
    now: datetime,
    used: Used,
    answer: Answer,
    *,
    current: Current | None = None,
) -> tuple[Account, BrowserSession, bool]:
    """Start a session, and send its cookie. Also returns whether the account is new.

    Args:
        current: the browser's session; it continues or ends as in `begin_session`.

    Raises:
        Declined, NotAskedAgain, ProviderUnavailable, BadAnswer, AddressMissing, AddressTaken, NoSignUp, AnotherPerson
        AccountSuspended, EmailNotVerified
        SecondFactorAsked: no session is started yet (second_factor.py).
        TooManyAttempts: too many mails to the address, which has to be confirmed.
    """
    with counting(parts.counts.sign_ins, UPSTREAM, OUTCOMES):
        upstream, person = await identify(parts, used, answer, now)
        now = parts.clock()
        known = await _look(request, parts, upstream, person, now)
        try:
            entered = await parts.database.transact(_enter, request, parts, used.start, known, current, now)
        except (_Raced, EmailTaken):
            entered = await parts.database.transact(_enter, request, parts, used.start, known, current, now)
        if entered.begun is None:
            if not entered.is_new:
                await remind_to_verify(request, parts, entered.account.email, now)
            raise EmailNotVerified
        if isinstance(entered.begun, Asked):
            parts.factor_checks.cookies.set_pending(request, entered.begun.token)
            raise SecondFactorAsked(has_none=entered.begun.has_none)
    parts.factor_checks.cookies.clear_pending(request)
    parts.session_cookies.set(request, entered.begun, now=now)
    parts.session_cookies.remember_device(request, device_tag(entered.account.id, entered.password_hash))
    return entered.account, entered.begun, entered.is_new


async def _look(
    request: Request, parts: UpstreamSignInParts, upstream: Upstream, person: Person, now: datetime
) -> Known:
    """Read who the person is here, and count the mails that are due: they have budgets, which come first."""
    email = parse_email(person.email or "")
    async with parts.database.reading() as session:
        found = await upstream_identities.find_account(session, person)
        account = found[1] if found else None
        password_hash = None if account is None else await accounts.find_password_hash(session, account.id)
    known = Known(upstream, person, email)
    if account is None:
        sends = parts.outbox.is_on and email is not None and not known.is_vouched_for
        if sends and email is not None and not parts.requires_verified_email:
            return Known(upstream, person, email, mails_link=await may_mail(request, parts, email, now))
        return Known(upstream, person, email, mails_link=sends)
    if account.second_factor_at is not None:  # it is told when the code has come
        return known
    knows_device = parts.session_cookies.knows_device(request, device_tag(account.id, password_hash))
    tells = await is_to_be_told(parts, account, now, knows_device=knows_device)
    return Known(upstream, person, email, tells_device=tells)


async def _enter(
    session: AsyncSession,
    request: Request,
    parts: UpstreamSignInParts,
    start: Start,
    known: Known,
    current: Current | None,
    now: datetime,
) -> Entered:
    found = await upstream_identities.find_account(session, known.person)
    if start.purpose == CONFIRM and (
        found is None or current is None or not found[1].id == current.account.id == start.account_id
    ):
        raise AnotherPerson
    if found is not None:
        account, is_new = found[1], False
    elif (taken := await _find_secretly_taken(session, request, parts, known, now)) is not None:
        return Entered(taken, None, True, None)
    else:
        account, is_new = await _join_or_create(session, request, parts, known, now)
    if not await accounts.lock(session, account.id, active_only=True):
        raise AccountSuspended
    upstream_id = known.upstream.id
    if found is not None and not await upstream_identities.note_use(
        session, found[0].id, known.person, upstream_id, now=now
    ):
        raise _Raced
    password_hash = await accounts.find_password_hash(session, account.id)
    if parts.requires_verified_email and not account.email_verified:
        return Entered(account, None, is_new, password_hash)
    begun = await begin_or_ask(
        session,
        request,
        parts,
        account.id,
        password_hash,
        BY_UPSTREAM,
        remember=start.remember,
        current=current,
        now=now,
    )
    if known.tells_device and not isinstance(begun, Asked):
        tell(session, request, parts, account, now)
    return Entered(account, begun, is_new, password_hash)


async def _find_secretly_taken(
    session: AsyncSession, request: Request, parts: UpstreamSignInParts, known: Known, now: datetime
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


async def _join_or_create(
    session: AsyncSession, request: Request, parts: UpstreamSignInParts, known: Known, now: datetime
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
    await _link(session, account.id, known, now)
    return account, False


async def _create(
    session: AsyncSession, request: Request, parts: UpstreamSignInParts, known: Known, email: str, now: datetime
) -> Account:
    if not known.upstream.sign_up:
        raise NoSignUp
    if known.mails_link and parts.requires_verified_email:
        await parts.mail_budgets.take(session, email, networks_of(device_of(request).ip_address), now=now)
    person, verified = known.person, known.is_vouched_for
    account = await create_without_password(
        session, email=email, name=person.name, image=person.picture, verified=verified, now=now
    )
    await _link(session, account.id, known, now)
    if known.mails_link:
        post_link(session, request, parts.outbox, Kind.VERIFY_EMAIL, email, now)
    await record(session, "signed_up", now=now, account_id=account.id, upstream=known.upstream.id)
    return account


async def _link(session: AsyncSession, account_id: str, known: Known, now: datetime) -> None:
    upstream_id = known.upstream.id
    linked = await upstream_identities.link(session, account_id, known.person, upstream_id, now=now)
    if linked is None:
        raise _Raced
    await record(
        session, "upstream_linked", now=now, account_id=account_id, upstream=upstream_id, identity_id=linked.id
    )
