"""The second factor of a person who has to have one and has none: set up in the middle of a sign-in.

The password, or the mail, began a challenge (begun.py); there is no session. The first code of the new app turns the
second factor on, uses the challenge up and starts the session, in one transaction.
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
from ..accounts.passkeys.passkeys import count_passkeys
from ..audit.trail import record
from ..http.current_session import Current
from ..http.session_cookies import device_tag
from ..mail.kinds import Kind
from ..oauth.authentication_context import OTP
from ..sessions.browser_sessions import BrowserSession
from ..sessions.proofs import Proof
from ..telemetry.counts import SECOND_FACTOR, counting
from .begun import begin_session
from .factor_notices import tell_change
from .second_factor import OUTCOMES, Code, FactorParts, NoChallenge, WrongCode, count_code, find_challenge


@dataclass(frozen=True)
class Waiting:
    """A sign-in that waits for the account's first second factor."""

    challenge: Challenge
    account: Account


@dataclass(frozen=True)
class SetUp:
    session: BrowserSession
    recovery_codes: list[str] = field(repr=False)  # to be shown once
    password_hash: str | None = field(repr=False)


async def find_waiting(request: Request, parts: FactorParts, now: datetime) -> Waiting | None:
    """The sign-in of this browser that waits for a set-up. None also if the account has a second factor by now.

    A passkey is one: otherwise the password alone, or the mailbox alone, would set up an app beside it.
    """
    challenge = await find_challenge(request, parts, now)
    if challenge is None:
        return None
    async with parts.database.reading() as session:
        account = await accounts.find(session, challenge.account_id)
        has_passkey = await count_passkeys(session, challenge.account_id) > 0
    if account is None or account.second_factor_at is not None or account.suspended_at is not None or has_passkey:
        return None
    return Waiting(challenge, account)


async def complete_set_up(
    request: Request, parts: FactorParts, now: datetime, waiting: Waiting, code: Code, *, current: Current | None
) -> SetUp:
    """Turn the second factor on by its first code, start the session, and send its cookie.

    Raises:
        NoChallenge, ChallengeSpent, WrongCode
        TooManyAttempts: the code was not checked.
    """
    with counting(parts.counts.sign_ins, SECOND_FACTOR, OUTCOMES):
        attempt = await count_code(request, parts, waiting.challenge, now)
        now = parts.clock()
        made = await parts.database.transact(_complete, request, parts, waiting.challenge, code, current, now)
        if made is None:
            raise WrongCode
    async with parts.database.writing() as session:
        await parts.factor_checks.attempts.succeeded(session, attempt)
    parts.factor_checks.cookies.clear_pending(request)
    parts.session_cookies.set(request, made.session, now=now)
    parts.session_cookies.remember_device(request, device_tag(waiting.account.id, made.password_hash))
    return made


async def _complete(
    session: AsyncSession,
    request: Request,
    parts: FactorParts,
    challenge: Challenge,
    code: Code,
    current: Current | None,
    now: datetime,
) -> SetUp | None:
    """None: the code is wrong, which is recorded."""
    account = await session.scalar(select(Account).where(Account.id == challenge.account_id).with_for_update())
    if account is None or account.suspended_at is not None or account.second_factor_at is not None:
        raise NoChallenge
    if await count_passkeys(session, account.id):
        raise NoChallenge
    password_hash = await accounts.find_password_hash(session, account.id)
    if challenges.hash_of_credential(password_hash) != challenge.credential_hash:
        raise NoChallenge
    if not await parts.factor_checks.apps.confirm(session, account.id, code.text, now=now):
        await record(session, "second_factor_refused", now=now, account_id=account.id, most=0)
        return None
    if not await challenges.use_up(session, challenge):
        raise NoChallenge
    codes = await recovery_codes.replace_all(session, account.id, now=now)
    proof = Proof(tuple(challenge.amr.split())).with_second_factor(OTP, at=now)
    started = await begin_session(
        session, request, parts, account.id, proof, remember=challenge.is_remembered, current=current, now=now
    )
    tell_change(session, request, parts, account, Kind.SECOND_FACTOR_ON, now)
    await record(session, "second_factor_enabled", now=now, account_id=account.id, session_id=started.id)
    amr = " ".join(proof.methods)
    await record(session, "signed_in", now=now, account_id=account.id, session_id=started.id, amr=amr)
    return SetUp(started, codes, password_hash)
