"""Signing in by an upstream provider, for the Better Auth protocol and the hosted pages alike.

The provider's ID token takes the password's place; nothing can be guessed, so no budget of attempts is used. A second
factor is asked for as after a password, whatever the provider says that it has asked for.

A person who is not linked to an account gets a new one, or joins the one with their address (upstream_accounts.py).
"""

from dataclasses import dataclass, field
from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.accounts import Account, EmailTaken
from ..accounts.email_addresses import parse_email
from ..accounts.upstreams import identities
from ..accounts.upstreams.discovery import ProviderUnavailable
from ..accounts.upstreams.starts import CONFIRM, Start, Used
from ..http.current_session import Current
from ..http.session_cookies import device_tag
from ..limits.attempts import TooManyAttempts
from ..oauth.authentication_context import FEDERATED
from ..oauth.upstream_answers import Answer, BadAnswer, Person
from ..oauth.upstreams import Upstream
from ..sessions.browser_sessions import BrowserSession
from ..sessions.proofs import Proof
from ..store import identifiers
from ..store.instants import Clock
from ..telemetry.counts import UPSTREAM, RequestCounts, counting
from .begun import Asked, BeginParts, SecondFactorAsked, begin_or_ask
from .mailed_links import may_mail, remind_to_verify
from .new_devices import is_to_be_told, tell
from .password_sign_in import AccountSuspended, EmailNotVerified
from .upstream_accounts import (
    AddressMissing,
    AddressTaken,
    Known,
    NoSignUp,
    Raced,
    UpstreamAccountParts,
    find_secretly_taken,
    join_or_create,
)
from .upstream_answer import Declined, NotAskedAgain, UpstreamAnswerParts, identify

BY_UPSTREAM = Proof((FEDERATED,))


class AnotherPerson(Exception):
    """The person was to confirm who they are, and is somebody else at the provider."""


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
class UpstreamSignInParts(BeginParts, UpstreamAccountParts, UpstreamAnswerParts):
    clock: Clock
    counts: RequestCounts


@dataclass(frozen=True)
class Entered:
    account: Account
    begun: BrowserSession | Asked | None  # None: the address has to be confirmed first
    is_new: bool
    password_hash: str | None = field(repr=False)
    is_foreign: bool = False  # somebody else's, who has the address: nothing of it may be shown


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
        except (Raced, EmailTaken):
            entered = await parts.database.transact(_enter, request, parts, used.start, known, current, now)
        if entered.begun is None:
            # It proves the address later as its owner's browser. A taken address gets a cookie that knows nobody.
            known_as = identifiers.draw() if entered.is_foreign else entered.account.id
            parts.session_cookies.remember_device(request, device_tag(known_as, entered.password_hash))
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
        found = await identities.find_account(session, person)
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
    found = await identities.find_account(session, known.person)
    if start.purpose == CONFIRM and (
        found is None or current is None or not found[1].id == current.account.id == start.account_id
    ):
        raise AnotherPerson
    if found is not None:
        account, is_new = found[1], False
    elif (taken := await find_secretly_taken(session, request, parts, known, now)) is not None:
        return Entered(taken, None, True, None, is_foreign=True)
    else:
        account, is_new = await join_or_create(session, request, parts, known, now)
    if not await accounts.lock(session, account.id, active_only=True):
        raise AccountSuspended
    upstream_id = known.upstream.id
    if found is not None and not await identities.note_use(session, found[0].id, known.person, upstream_id, now=now):
        raise Raced
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
