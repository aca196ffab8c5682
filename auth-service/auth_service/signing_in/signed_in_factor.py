"""The second factor of a person who is signed in: to turn it on and off, and to prove it again."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from fastapi import Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.accounts import Account
from ..accounts.factors import recovery_codes, second_factor
from ..audit.trail import record
from ..http.current_session import Current
from ..mail.kinds import Kind
from ..sessions.browser_sessions import BrowserSession
from ..sessions.proofs import proof_of
from ..sessions.starting import prove_second_factor
from ..store.instants import is_recent
from .begun import end_recovery
from .factor_notices import tell_change, tell_recovery_code
from .second_factor import Code, FactorParts, WrongCode, proof_of_code, use_code
from .trusting import trust_browser

FRESH_FOR = timedelta(minutes=5)  # after a code, what it protects may be changed


class NotEnabled(Exception):
    """The account has no second factor, or none of this kind."""


class NotSignedIn(Exception):
    """The session, or its account, has ended a moment ago."""


@dataclass(frozen=True)
class BegunApp:
    """What a person needs to set up an authenticator app. It is shown once."""

    secret: str = field(repr=False)
    recovery_codes: list[str] = field(repr=False)


def is_fresh(session: BrowserSession, *, now: datetime) -> bool:
    """Whether the session's person has proved a second factor a moment ago."""
    return session.second_factor_at is not None and is_recent(session.second_factor_at, within=FRESH_FOR, now=now)


async def begin_app(parts: FactorParts, account_id: str, now: datetime) -> BegunApp:
    """Draw a secret and recovery codes. The second factor is off until `prove` has seen the first code.

    Raises:
        AlreadyEnabled
    """
    return await parts.database.transact(_begin_app, parts, account_id, now)


async def _begin_app(session: AsyncSession, parts: FactorParts, account_id: str, now: datetime) -> BegunApp:
    await accounts.lock(session, account_id)
    secret = await parts.factor_checks.apps.begin(session, account_id, now=now)
    return BegunApp(secret, await recovery_codes.replace_all(session, account_id, now=now))


async def prove(request: Request, parts: FactorParts, now: datetime, current: Current, code: Code) -> Account:
    """Record in the session that its person has proved a second factor. The first code of a new app turns it on.

    Returns:
        the account as it is now.

    Raises:
        NotEnabled, NotSignedIn, WrongCode
        TooManyAttempts: the code was not checked.
    """
    account_id = current.account.id
    async with parts.database.writing() as session:
        attempt = await parts.factor_checks.attempts.take(session, account_id, knows_device=True, now=now)
    account = await parts.database.transact(_prove, request, parts, current, code, now)
    if account is None:
        raise WrongCode
    async with parts.database.writing() as session:
        await parts.factor_checks.attempts.succeeded(session, attempt)
        password_hash = await accounts.find_password_hash(session, account_id)
    if code.trusts_browser:
        checks = parts.factor_checks
        await trust_browser(request, parts.database, checks.cookies, account, password_hash, now)
    return account


async def _prove(
    session: AsyncSession, request: Request, parts: FactorParts, current: Current, code: Code, now: datetime
) -> Account | None:
    """None: the code is wrong, which is recorded."""
    account_id = current.account.id
    account = await session.scalar(select(Account).where(Account.id == account_id).with_for_update())
    if account is None or account.suspended_at is not None:
        raise NotSignedIn
    is_first = account.second_factor_at is None
    if is_first and (code.is_recovery_code or await parts.factor_checks.apps.find_secret(session, account_id) is None):
        raise NotEnabled
    if is_first:
        is_right = await parts.factor_checks.apps.confirm(session, account_id, code.text, now=now)
    else:
        is_right = await use_code(session, parts, account_id, code, now=now)
    if not is_right:
        await record(session, "second_factor_refused", now=now, account_id=account_id, most=0)
        return None
    proof = proof_of_code(proof_of(current.session), code, at=now)
    if not await prove_second_factor(session, current.session.id, proof, now=now):
        raise NotSignedIn
    await end_recovery(session, account_id, now=now)
    event = "second_factor_enabled" if is_first else "second_factor_proved"
    await record(session, event, now=now, account_id=account_id, session_id=current.session.id)
    if is_first:
        tell_change(session, request, parts, account, Kind.SECOND_FACTOR_ON, now)
    if code.is_recovery_code:
        left = await tell_recovery_code(session, request, parts, account, now)
        await record(session, "recovery_code_used", now=now, account_id=account_id, left=left)
    await session.refresh(account)
    return account


async def replace_recovery_codes(
    session: AsyncSession, request: Request, parts: FactorParts, current: Current, now: datetime, *, tells: bool = True
) -> list[str]:
    """New recovery codes instead of all older ones. Raises NotEnabled.

    Args:
        tells: tell the person by mail. False: the second factor was just turned on, which is told.
    """
    account_id = current.account.id
    account = await session.scalar(select(Account).where(Account.id == account_id).with_for_update())
    if account is None or account.second_factor_at is None:
        raise NotEnabled
    codes = await recovery_codes.replace_all(session, account_id, now=now)
    if tells:
        tell_change(session, request, parts, account, Kind.RECOVERY_CODES_REPLACED, now)
    await record(session, "recovery_codes_replaced", now=now, account_id=account_id, session_id=current.session.id)
    return codes


async def turn_off(
    session: AsyncSession, request: Request, parts: FactorParts, current: Current, now: datetime
) -> None:
    """Delete the app and the recovery codes; no browser is trusted any more. Raises NotEnabled."""
    account_id = current.account.id
    if not await second_factor.disable(session, account_id, now=now):
        raise NotEnabled
    tell_change(session, request, parts, current.account, Kind.SECOND_FACTOR_OFF, now)
    await record(session, "second_factor_disabled", now=now, account_id=account_id, session_id=current.session.id)
