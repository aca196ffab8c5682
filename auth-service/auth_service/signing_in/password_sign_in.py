"""Signing in with a password, for the Better Auth protocol and the hosted pages alike: one path, one lockout."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts.accounts import Account
from ..accounts.passwords import TooBusy
from ..accounts.sign_ins import lock_or_renew
from ..audit.trail import record_alone
from ..http.current_session import Current
from ..limits.attempts import Attempt, TooManyAttempts
from ..sessions.browser_sessions import BrowserSession
from ..sessions.proofs import BY_PASSWORD
from ..store.instants import Clock
from ..telemetry.counts import PASSWORD, counting
from .begun import Asked, SecondFactorAsked, begin_or_ask
from .guessing import Tried, WrongPassword, place_in_queue, verify_password
from .known_passwords import Credentials, Known, find_known, renewed
from .mailed_links import remind_to_verify
from .new_devices import is_to_be_told, tell
from .usual_sign_in import UsualParts, is_usual, start_usual_session


class WrongCredentials(Exception):
    """An unknown address or a wrong password. The answer does not say which."""


class AccountSuspended(Exception):
    """The account is suspended, and the password is right.

    The attempt stays counted, so that this answer is not a faster way to test passwords.
    """


class EmailNotVerified(Exception):
    """The password is right, but the address is not confirmed. Another link was mailed, unless too many were."""


class PasswordMoved(WrongCredentials):
    """After the password was compared, it was changed or hashed anew, or the account was suspended."""


OUTCOMES: dict[type[Exception], str] = {
    SecondFactorAsked: "second_factor",
    WrongCredentials: "refused",
    PasswordMoved: "refused",
    AccountSuspended: "suspended",
    EmailNotVerified: "unverified",
    TooManyAttempts: "held",
    TooBusy: "busy",
}


@dataclass(frozen=True)
class SignInParts(UsualParts):
    """The parts to sign in and to start a session."""

    clock: Clock
    requires_verified_email: bool


async def sign_in(
    request: Request,
    parts: SignInParts,
    now: datetime,
    shown: Credentials,
    *,
    remember: bool,
    current: Current | None = None,
) -> tuple[Account, BrowserSession]:
    """Start a session, and send its cookie. An unknown address and a wrong password take the same path and time.

    Args:
        current: the browser's session; it continues or ends as in `begin_session`.

    Raises:
        WrongCredentials, AccountSuspended, EmailNotVerified
        SecondFactorAsked: no session is started yet (second_factor.py).
        TooManyAttempts, TooBusy: the password was not compared.
    """
    with counting(parts.counts.sign_ins, PASSWORD, OUTCOMES):
        known, attempt = await _authenticate(request, parts, now, shown)
        now = parts.clock()  # hashing takes a while, and `auth_time` is when the password was found to be right
        if parts.requires_verified_email and not known.account.email_verified:
            await parts.database.transact(parts.attempts.succeeded, attempt)  # it was no guess
            await remind_to_verify(request, parts, known.account.email, now)
            parts.session_cookies.remember_device(request, known.device_tag)  # the mail's link need not ask again
            raise EmailNotVerified
        knows_device = parts.session_cookies.knows_device(request, known.device_tag)
        asks = known.account.second_factor_at is not None  # then the sign-in is told when the code has come
        tells = not asks and await is_to_be_told(parts, known.account, now, knows_device=knows_device)

        async def begin(known: Known) -> BrowserSession | Asked:
            if current is None and is_usual(known, parts):
                started = await start_usual_session(
                    request, parts, known, attempt, remember=remember, tells=tells, now=now
                )
                if started is not None:
                    return started
            return await parts.database.transact(
                _begin, request, parts, known, attempt, remember=remember, current=current, tells=tells, now=now
            )

        try:
            begun = await begin(known)
        except PasswordMoved:
            known = await _compare_again(request, parts, shown)
            begun = await begin(known)
        if isinstance(begun, Asked):
            if knows_device and known.renewed:
                parts.session_cookies.remember_device(request, known.device_tag_after)
            parts.factor_checks.cookies.set_pending(request, begun.token)
            raise SecondFactorAsked(has_none=begun.has_none)
    parts.factor_checks.cookies.clear_pending(request)
    parts.session_cookies.set(request, begun, now=now)
    parts.session_cookies.remember_device(request, known.device_tag_after)
    return known.account, begun


async def _begin(
    session: AsyncSession,
    request: Request,
    parts: SignInParts,
    known: Known,
    attempt: Attempt,
    *,
    remember: bool,
    current: Current | None,
    tells: bool,
    now: datetime,
) -> BrowserSession | Asked:
    """The session; or a challenge, if the account has a second factor and the browser is not trusted."""
    account_id, former, newer = known.account.id, known.password_hash, known.renewed
    await parts.attempts.succeeded(session, attempt)
    if not await lock_or_renew(session, account_id, former, newer, now=now):
        raise PasswordMoved
    begun = await begin_or_ask(
        session,
        request,
        parts,
        account_id,
        newer or former,
        BY_PASSWORD,
        remember=remember,
        current=current,
        now=now,
        renewed_from=former if newer else None,
    )
    if tells and not isinstance(begun, Asked):
        tell(session, request, parts, known.account, now)
    return begun


async def _authenticate(
    request: Request, parts: SignInParts, now: datetime, shown: Credentials
) -> tuple[Known, Attempt]:
    """Read the account, close the database connection, and only then compare the password."""
    with place_in_queue(request, parts.passwords) as place:
        known, stand_in = await find_known(parts, shown.email)
        knows_device = known is not None and parts.session_cookies.knows_device(request, known.device_tag)
        tried = Tried(shown.email, known.password_hash if known else None, shown.password, stand_in)
        try:
            attempt = await verify_password(request, parts, now, place, tried, knows_device=knows_device)
        except WrongPassword:
            account_id = known.account.id if known else None
            await record_alone(parts.database, "sign_in_refused", now=now, account_id=account_id, most=0)
            raise WrongCredentials from None
        if known is None:
            raise WrongCredentials
        if known.account.suspended_at is not None:
            raise AccountSuspended
        return await renewed(place, known, shown.password), attempt


async def _compare_again(request: Request, parts: SignInParts, shown: Credentials) -> Known:
    """The account with its present hash: another sign-in may have renewed it. No guess: the same password was right.

    Raises:
        WrongCredentials: the password was changed, or the account suspended.
    """
    with place_in_queue(request, parts.passwords) as place:
        known, _ = await find_known(parts, shown.email)
        if known is None or known.account.suspended_at is not None:
            raise WrongCredentials
        if not await place.matches(known.password_hash, shown.password):
            raise WrongCredentials
        return await renewed(place, known, shown.password)
