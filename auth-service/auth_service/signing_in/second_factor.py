"""The second factor of a sign-in: a code, for the Better Auth protocol and the hosted pages alike.

The password began a challenge (password_sign_in.py), which the browser's cookie names. A code is counted in one
transaction, before it is checked; the next one uses code and challenge up and starts the session.
"""

from dataclasses import dataclass, field
from datetime import datetime

from fastapi import Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.accounts import Account
from ..accounts.factors import challenges, recovery_codes
from ..accounts.factors.challenges import Challenge
from ..audit.trail import record
from ..http.current_session import Current, SessionParts
from ..http.session_cookies import device_tag
from ..limits.attempts import TooManyAttempts
from ..limits.code_attempts import CodeAttempt
from ..oauth.authentication_context import OTP
from ..sessions.browser_sessions import BrowserSession
from ..sessions.proofs import Proof
from ..store.instants import Clock
from ..telemetry.counts import SECOND_FACTOR, RequestCounts, counting
from .begun import begin_session
from .factor_checks import FactorChecks
from .factor_notices import tell_recovery_code
from .mailed_links import MailParts
from .new_devices import is_to_be_told, tell
from .password_sign_in import AccountSuspended
from .trusting import trust_browser


class NoChallenge(Exception):
    """No sign-in waits for a code in this browser: it has expired, was completed, or the password was changed."""


class ChallengeSpent(Exception):
    """Too many codes were tried: the person has to sign in anew. The challenge has ended."""


class WrongCode(Exception):
    """The code is not valid, or was used."""


OUTCOMES: dict[type[Exception], str] = {
    WrongCode: "refused",
    ChallengeSpent: "refused",
    AccountSuspended: "suspended",
    TooManyAttempts: "held",
}


@dataclass(frozen=True)
class Code:
    """A code as it was typed."""

    text: str = field(repr=False)
    is_recovery_code: bool = False
    trusts_browser: bool = False  # do not ask for a code in this browser for a while


@dataclass(frozen=True)
class FactorParts(SessionParts, MailParts):
    """The parts to check a code, to start a session, and to tell about it by mail."""

    clock: Clock
    counts: RequestCounts
    factor_checks: FactorChecks


@dataclass(frozen=True)
class Passed:
    """What a code has completed."""

    account: Account
    session: BrowserSession
    password_hash: str | None = field(repr=False)


async def find_challenge(request: Request, parts: FactorParts, now: datetime) -> Challenge | None:
    """The sign-in that waits for a code in this browser."""
    token = parts.factor_checks.cookies.read_pending(request)
    return None if token is None else await challenges.find(parts.database, token, now=now)


async def complete_sign_in(
    request: Request, parts: FactorParts, now: datetime, code: Code, *, current: Current | None = None
) -> tuple[Account, BrowserSession]:
    """Start the session that waits for this code, and send its cookie.

    Args:
        current: the browser's session; it continues or ends as in `begin_session`.

    Raises:
        NoChallenge, ChallengeSpent, WrongCode, AccountSuspended
        TooManyAttempts: the code was not checked.
    """
    challenge = await find_challenge(request, parts, now)
    if challenge is None:
        parts.factor_checks.cookies.clear_pending(request)
        raise NoChallenge
    with counting(parts.counts.sign_ins, SECOND_FACTOR, OUTCOMES):
        attempt = await count_code(request, parts, challenge, now)
        now = parts.clock()
        passed = await parts.database.transact(_pass, request, parts, challenge, code, current, now)
        if passed is None:
            raise WrongCode
    account, tag = passed.account, device_tag(passed.account.id, passed.password_hash)
    knows_device = parts.session_cookies.knows_device(request, tag)
    tells = await is_to_be_told(parts, account, now, knows_device=knows_device)
    async with parts.database.writing() as session:
        await parts.factor_checks.attempts.succeeded(session, attempt)
        if tells:
            tell(session, request, parts, account, now)
    parts.factor_checks.cookies.clear_pending(request)
    parts.session_cookies.set(request, passed.session, now=now)
    parts.session_cookies.remember_device(request, tag)
    if code.trusts_browser:
        checks = parts.factor_checks
        await trust_browser(request, parts.database, checks.cookies, account, passed.password_hash, now)
    return account, passed.session


async def use_code(session: AsyncSession, parts: FactorParts, account_id: str, code: Code, *, now: datetime) -> bool:
    """Use the code up. False if it is not valid. The account is locked by the caller."""
    if code.is_recovery_code:
        return await recovery_codes.use(session, account_id, code.text, now=now)
    return await parts.factor_checks.apps.use(session, account_id, code.text, now=now)


def proof_of_code(before: Proof, code: Code, *, at: datetime) -> Proof:
    """The proof with a valid code. RFC 8176 has no name for a recovery code; `mfa` says that it was a second factor."""
    return before.with_second_factor(*(() if code.is_recovery_code else (OTP,)), at=at)


async def count_code(request: Request, parts: FactorParts, challenge: Challenge, now: datetime) -> CodeAttempt:
    """Count the code at the account and at the challenge, in a transaction that is committed before the check.

    Raises:
        NoChallenge, ChallengeSpent, TooManyAttempts
    """
    async with parts.database.reading() as session:
        password_hash = await accounts.find_password_hash(session, challenge.account_id)
    knows_device = parts.session_cookies.knows_device(request, device_tag(challenge.account_id, password_hash))
    async with parts.database.writing() as session:
        attempt = await parts.factor_checks.attempts.take(
            session, challenge.account_id, knows_device=knows_device, now=now
        )
        is_counted = await challenges.count_code(session, challenge)
        is_spent = not is_counted and await challenges.use_up(session, challenge)
    if not is_counted:
        parts.factor_checks.cookies.clear_pending(request)
        raise ChallengeSpent if is_spent else NoChallenge
    return attempt


async def _pass(
    session: AsyncSession,
    request: Request,
    parts: FactorParts,
    challenge: Challenge,
    code: Code,
    current: Current | None,
    now: datetime,
) -> Passed | None:
    """Use up the code and the challenge, and start the session. None: the code is wrong, which is recorded."""
    account = await session.scalar(select(Account).where(Account.id == challenge.account_id).with_for_update())
    if account is None:
        raise NoChallenge
    password_hash = await accounts.find_password_hash(session, account.id)
    if challenges.hash_of_credential(password_hash) != challenge.credential_hash:
        raise NoChallenge
    if account.suspended_at is not None:
        raise AccountSuspended
    is_on = account.second_factor_at is not None  # codes of an app that is not confirmed yet prove nothing
    if not is_on or not await use_code(session, parts, account.id, code, now=now):
        await record(session, "second_factor_refused", now=now, account_id=account.id, most=0)
        return None
    if not await challenges.use_up(session, challenge):
        raise NoChallenge
    proof = proof_of_code(Proof(tuple(challenge.amr.split())), code, at=now)
    started = await begin_session(
        session, request, parts, account.id, proof, remember=challenge.is_remembered, current=current, now=now
    )
    amr = " ".join(proof.methods)
    await record(session, "signed_in", now=now, account_id=account.id, session_id=started.id, amr=amr)
    if code.is_recovery_code:
        left = await tell_recovery_code(session, request, parts, account, now)
        await record(session, "recovery_code_used", now=now, account_id=account.id, left=left)
    return Passed(account, started, password_hash)
