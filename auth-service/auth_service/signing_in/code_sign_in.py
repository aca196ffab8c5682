"""Signing in by a mailed code, at the hosted pages. The code counts in the browser that asked for it.

A guess is counted twice before it is compared: at the code, which takes five, and in the budgets of passwords
(limits/attempts.py), so that neither many mails nor many networks help. An unknown address takes the same path.
"""

from collections.abc import Mapping
from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.accounts import Account
from ..audit.trail import record
from ..http.current_session import Current, device_of
from ..http.session_cookies import device_tag
from ..limits.attempts import Attempt, AttemptLimiter, TooManyAttempts
from ..mail.codes import SignInCode, count_try, find_asked, use_up
from ..mail.kinds import Kind
from ..network.networks import networks_of
from ..sessions.browser_sessions import BrowserSession
from ..telemetry.counts import MAIL_CODE, counting
from .begun import SecondFactorAsked
from .mail_sign_in import Entered, MailSignInParts, enter, is_sign_in_told, send_cookies
from .mailed_links import post_link


class NoCode(Exception):
    """This browser has asked for no code, or it has expired, was used, or takes no more tries."""


class WrongMailedCode(Exception):
    """The code is not the one that was mailed."""


OUTCOMES: dict[type[Exception], str] = {
    SecondFactorAsked: "second_factor",
    WrongMailedCode: "refused",
    NoCode: "refused",
    TooManyAttempts: "held",
}


async def request_code(
    request: Request, parts: MailSignInParts, browser: str, email: str, now: datetime, **facts: str
) -> None:
    """Store that a mail with a link and a code is wanted. Nothing here depends on whether the address has an account.

    Raises:
        TooManyAttempts: too many mails to this address, or caused by this network.
    """
    await parts.database.transact(_request, request, parts, browser, email, now, facts)


async def _request(
    session: AsyncSession,
    request: Request,
    parts: MailSignInParts,
    browser: str,
    email: str,
    now: datetime,
    facts: Mapping[str, str],
) -> None:
    await parts.mail_budgets.take(session, email, networks_of(device_of(request).ip_address), now=now)
    mail_id = post_link(session, request, parts.outbox, Kind.SIGN_IN, email, now, code="yes", **facts)
    if mail_id is not None:
        await parts.factor_checks.mailed_codes.keep(session, browser, email, mail_id, now=now)
    await record(session, f"{Kind.SIGN_IN.value}_requested", now=now, most=0)


async def sign_in_by_code(
    request: Request,
    parts: MailSignInParts,
    attempts: AttemptLimiter,
    browser: str,
    code: str,
    now: datetime,
    *,
    current: Current | None = None,
) -> tuple[Account, BrowserSession]:
    """Use the code up, start a session, and send its cookie.

    Raises:
        NoCode, WrongMailedCode
        TooManyAttempts: the code was not compared.
        SecondFactorAsked: no session is started yet. The code is used up.
    """
    with counting(parts.counts.sign_ins, MAIL_CODE, OUTCOMES):
        async with parts.database.reading() as session:
            asked = await find_asked(session, browser, now=now)
        if asked is None:
            raise NoCode
        attempt = await _count(request, parts, attempts, asked, now)
        if not parts.factor_checks.mailed_codes.is_right(asked, code):
            async with parts.database.writing() as session:
                account = await accounts.find(session, asked.email)
                account_id = None if account is None else account.id
                await record(session, "mailed_code_refused", now=now, account_id=account_id, most=0)
            raise WrongMailedCode
        tells = await is_sign_in_told(request, parts, asked.email, now)
        entered = await parts.database.transact(
            _enter, request, parts, attempts, asked, attempt, tells=tells, current=current, now=now
        )
        return send_cookies(request, parts, entered, now)


async def _count(
    request: Request, parts: MailSignInParts, attempts: AttemptLimiter, asked: SignInCode, now: datetime
) -> Attempt:
    async with parts.database.reading() as session:
        found = await accounts.find_by_email_with_password(session, asked.email)
    tag = "" if found is None else device_tag(found[0].id, found[1])
    knows_device = parts.session_cookies.knows_device(request, tag)
    networks = networks_of(device_of(request).ip_address)
    attempt = await attempts.take(asked.email, networks, knows_device=knows_device, now=now)
    async with parts.database.writing() as session:
        if not await count_try(session, asked):
            raise NoCode
    return attempt


async def _enter(
    session: AsyncSession,
    request: Request,
    parts: MailSignInParts,
    attempts: AttemptLimiter,
    asked: SignInCode,
    attempt: Attempt,
    *,
    tells: bool,
    current: Current | None,
    now: datetime,
) -> Entered:
    await attempts.succeeded(session, attempt)
    found = await accounts.find(session, asked.email)
    if found is None or not await accounts.lock(session, found.id):
        raise NoCode
    await session.refresh(found)
    if found.suspended_at is not None or found.email != asked.email or not await use_up(session, asked):
        raise NoCode
    return await enter(session, request, parts, found, tells=tells, current=current, now=now)
