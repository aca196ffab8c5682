"""Signing up with a password, for the Better Auth protocol and the hosted pages alike."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts.accounts import Account, EmailTaken
from ..accounts.factors import challenges
from ..accounts.passwords import TooBusy
from ..accounts.sign_ups import Wanted, create_account, create_unless_taken
from ..accounts.weak_passwords import BreachedPassword, CommonPassword, PersonalPassword
from ..audit.trail import record
from ..http.current_session import Current, device_of, start_session_here
from ..http.languages import find_named
from ..http.session_cookies import device_tag
from ..limits.attempts import TooManyAttempts
from ..mail.kinds import Kind
from ..network.networks import networks_of
from ..sessions.browser_sessions import BrowserSession, end_session
from ..sessions.proofs import BY_PASSWORD
from ..store.instants import Clock
from ..telemetry.counts import PASSWORD, RequestCounts, counting
from .begun import Asked, BeginParts, SecondFactorAsked
from .guessing import place_in_queue
from .mailed_links import MailParts, may_mail, post_link
from .new_passwords import NewPasswordParts, judge_new

OUTCOMES: dict[type[Exception], str] = {
    SecondFactorAsked: "succeeded",
    CommonPassword: "common_password",
    BreachedPassword: "breached_password",
    PersonalPassword: "personal_password",
    EmailTaken: "taken",
    TooManyAttempts: "held",
    TooBusy: "busy",
}


@dataclass(frozen=True)
class NewAccount:
    """The data of a new account. All of it is checked, except whether the password is a weak one."""

    email: str  # as parse_email returns it
    name: str
    password: str = field(repr=False)
    image: str | None = None


@dataclass(frozen=True)
class SignUpParts(BeginParts, MailParts, NewPasswordParts):
    clock: Clock
    counts: RequestCounts
    requires_verified_email: bool


async def sign_up(
    request: Request,
    parts: SignUpParts,
    now: datetime,
    new: NewAccount,
    *,
    remember: bool,
    current: Current | None = None,
    return_to: str = "",
    handle: str = "",
) -> tuple[Account, BrowserSession | None]:
    """Create an account and sign it in. A taken address costs the same time, as the password is hashed first.

    If mail is sent, a link to confirm the address is posted. If it has to be confirmed first, nobody is signed in (the
    session is None), and the result is the same for a taken address: its owner is told by mail.

    Args:
        return_to: the application's page that this link leads to in the end.
        handle: of the request that waits in this browser, which the link leads back to.
        current: the browser's session; it ends.

    Raises:
        WeakPassword, TooBusy
        SecondFactorAsked: the account is made, and needs a second factor; no session is started yet.
        EmailTaken: only if addresses need no confirmation.
        TooManyAttempts: only if they do: too many mails to this address, or caused by this network.
    """
    with counting(parts.counts.sign_ups, PASSWORD, OUTCOMES):
        password_hash = await _hash(request, parts, new)
        now, way = parts.clock(), {"return_to": return_to, "handle": handle}  # hashing takes a while
        if parts.requires_verified_email:
            wanted = Wanted(new.email, new.name, new.image, password_hash, find_named(request))
            account = await parts.database.transact(_register, request, parts, wanted, way, now)
            # This browser is not asked for the password by the link. A taken address gets a cookie that knows nobody.
            parts.session_cookies.remember_device(request, device_tag(account.id, password_hash))
            return account, None
        mails = parts.outbox.is_on and await may_mail(request, parts, new.email, now)
        link_to = way if mails else None
        account, started = await parts.database.transact(
            _create, request, parts, new, password_hash, remember=remember, current=current, link_to=link_to, now=now
        )
        if isinstance(started, Asked):
            parts.factor_checks.cookies.set_pending(request, started.token)
            raise SecondFactorAsked(has_none=True)
    parts.session_cookies.set(request, started, now=now)
    parts.session_cookies.remember_device(request, device_tag(account.id, password_hash))
    return account, started


async def _create(
    session: AsyncSession,
    request: Request,
    parts: SignUpParts,
    new: NewAccount,
    password_hash: str,
    *,
    remember: bool,
    current: Current | None,
    link_to: Mapping[str, str] | None,
    now: datetime,
) -> tuple[Account, BrowserSession | Asked]:
    account = await create_account(
        session,
        email=new.email,
        name=new.name,
        image=new.image,
        password_hash=password_hash,
        language=find_named(request),
        now=now,
    )
    if current is not None:
        await end_session(session, current.session.token, now=now)
    started: BrowserSession | Asked
    if parts.factor_checks.required_of_all:
        methods = BY_PASSWORD.methods
        token = challenges.begin(
            session, account.id, password_hash=password_hash, methods=methods, remember=remember, now=now
        )
        started = Asked(token, has_none=True)
    else:
        started = await start_session_here(request, session, parts, account.id, BY_PASSWORD, remember=remember, now=now)
    if link_to is not None:
        post_link(session, request, parts.outbox, Kind.VERIFY_EMAIL, new.email, now, **link_to)
    session_id = None if isinstance(started, Asked) else started.id
    await record(session, "signed_up", now=now, account_id=account.id, session_id=session_id)
    return account, started


async def _register(
    session: AsyncSession, request: Request, parts: SignUpParts, wanted: Wanted, way: Mapping[str, str], now: datetime
) -> Account:
    """Create the account and post the link that confirms it, or tell the address's owner that there is one already."""
    await parts.mail_budgets.take(session, wanted.email, networks_of(device_of(request).ip_address), now=now)
    account, is_new = await create_unless_taken(session, wanted, now=now)
    kind = Kind.VERIFY_EMAIL if is_new else Kind.ACCOUNT_EXISTS
    post_link(session, request, parts.outbox, kind, wanted.email, now, **way)
    if is_new:
        await record(session, "signed_up", now=now, account_id=account.id)
    else:
        await record(session, "sign_up_taken", now=now, most=0)
    return account


async def _hash(request: Request, parts: SignUpParts, new: NewAccount) -> str:
    await judge_new(request, parts, new.password, new.name, new.email)
    with place_in_queue(request, parts.passwords) as place:
        return await place.hash(new.password)
