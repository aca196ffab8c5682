"""Signing in with a passkey, for the Better Auth protocol and the hosted pages alike.

An authenticator asks for a fingerprint, a face or a PIN before it signs. So a passkey is two factors in one, and no
code is asked for after it. Nothing can be guessed: no budget of attempts is used, and none holds a person up.
"""

from dataclasses import dataclass, field
from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts import accounts
from ..accounts.accounts import Account
from ..accounts.passkeys import passkeys
from ..accounts.passkeys.answers import InvalidAnswer, SignInAnswer
from ..accounts.passkeys.challenges import Challenge
from ..accounts.passkeys.passkeys import Passkey
from ..accounts.passkeys.used_challenges import use_up
from ..accounts.passkeys.verification import Verified, verify_sign_in
from ..audit.trail import record
from ..http.current_session import Current, SessionParts
from ..http.session_cookies import device_tag
from ..mail.kinds import Kind
from ..oauth.authentication_context import HARDWARE_KEY, MULTIPLE, PRESENCE, SOFTWARE_KEY
from ..sessions.browser_sessions import BrowserSession
from ..sessions.proofs import Proof
from ..store.instants import Clock
from ..telemetry.counts import PASSKEY, RequestCounts, counting
from .begun import begin_session
from .factor_checks import FactorChecks
from .mailed_links import MailParts, post_link, remind_to_verify
from .new_devices import is_to_be_told, tell
from .passkey_checks import NoChallenge, PasskeyChecks
from .password_sign_in import AccountSuspended, EmailNotVerified


class UnknownPasskey(Exception):
    """There is no such passkey (any more), or it is not of the account that was asked for."""


class CopiedPasskey(Exception):
    """The authenticator's counter has not risen: the key exists twice. The owner is told by mail."""


OUTCOMES: dict[type[Exception], str] = {
    NoChallenge: "refused",
    InvalidAnswer: "refused",
    UnknownPasskey: "refused",
    CopiedPasskey: "refused",
    AccountSuspended: "suspended",
    EmailNotVerified: "unverified",
}


@dataclass(frozen=True)
class PasskeySignInParts(SessionParts, MailParts):
    clock: Clock
    counts: RequestCounts
    passkey_checks: PasskeyChecks
    factor_checks: FactorChecks
    requires_verified_email: bool


@dataclass(frozen=True)
class _Shown:
    """A passkey whose answer is right, as it was when it was read."""

    passkey: Passkey
    account: Account
    verified: Verified
    challenge: Challenge
    password_hash: str | None = field(repr=False)
    tells_device: bool  # a mail about a new browser is due
    tells_copy: bool  # a mail about a copied key is due


async def sign_in_by_passkey(
    request: Request,
    parts: PasskeySignInParts,
    now: datetime,
    answer: SignInAnswer,
    *,
    remember: bool = True,
    current: Current | None = None,
    confirms: bool = False,
) -> tuple[Account, BrowserSession]:
    """Start a session, and send its cookie.

    Args:
        current: the browser's session; it continues or ends as in `begin_session`.
        confirms: only a passkey of `current` counts.

    Raises:
        NoChallenge, InvalidAnswer, UnknownPasskey, CopiedPasskey, AccountSuspended, EmailNotVerified
    """
    with counting(parts.counts.sign_ins, PASSKEY, OUTCOMES):
        shown = await _verify(request, parts, now, answer, current, confirms=confirms)
        if parts.requires_verified_email and not shown.account.email_verified:
            await remind_to_verify(request, parts, shown.account.email, now)
            raise EmailNotVerified
        now = parts.clock()
        started = await parts.database.transact(_begin, request, parts, shown, current, remember=remember, now=now)
        if started is None:
            raise CopiedPasskey
    parts.factor_checks.cookies.clear_pending(request)
    parts.session_cookies.set(request, started, now=now)
    parts.session_cookies.remember_device(request, device_tag(shown.account.id, shown.password_hash))
    return shown.account, started


async def _verify(
    request: Request,
    parts: PasskeySignInParts,
    now: datetime,
    answer: SignInAnswer,
    current: Current | None,
    *,
    confirms: bool,
) -> _Shown:
    """Read the passkey, close the database connection, and only then check the answer."""
    challenge = parts.passkey_checks.find(request, answer, now)
    async with parts.database.reading() as session:
        found = await passkeys.find_by_credential(session, answer.credential_id)
        password_hash = None if found is None else await accounts.find_password_hash(session, found[1].id)
    if found is None:
        raise UnknownPasskey
    passkey, account = found
    if confirms and (current is None or current.account.id != account.id):
        raise UnknownPasskey
    _check_handle(answer, account, current)
    verified = await verify_sign_in(parts.passkey_checks.party, answer, challenge, passkey.public_key)
    if verified.is_synced is not passkey.is_synced:
        raise InvalidAnswer("a key of one device became one of several, or the other way round")
    if account.suspended_at is not None:
        raise AccountSuspended
    knows_device = parts.session_cookies.knows_device(request, device_tag(account.id, password_hash))
    is_copy = not passkeys.is_risen(passkey, verified.sign_count)
    tells = await is_to_be_told(parts, account, now, knows_device=knows_device and not is_copy)
    return _Shown(passkey, account, verified, challenge, password_hash, tells and not is_copy, tells and is_copy)


def _check_handle(answer: SignInAnswer, account: Account, current: Current | None) -> None:
    """The account's own handle must be there (Web Authentication Level 3 §7.2, step 6).

    An authenticator may leave it out if the options named the passkey, as they do for a person who is signed in.
    """
    if answer.user_handle is None:
        if current is None or current.account.id != account.id:
            raise InvalidAnswer("no user handle")
    elif answer.user_handle != account.id.encode():
        raise InvalidAnswer("the user handle is of another account")


async def _begin(
    session: AsyncSession,
    request: Request,
    parts: PasskeySignInParts,
    shown: _Shown,
    current: Current | None,
    *,
    remember: bool,
    now: datetime,
) -> BrowserSession | None:
    """Use the challenge up, and start the session. None: the key was copied, which is recorded."""
    account_id, verified = shown.account.id, shown.verified
    if not await accounts.lock(session, account_id, active_only=True):
        raise AccountSuspended
    if not await use_up(session, shown.challenge):
        raise NoChallenge
    current_passkey = await session.get(Passkey, shown.passkey.id)
    if current_passkey is None:
        raise UnknownPasskey
    is_backed_up, passkey_id = verified.is_backed_up, current_passkey.id
    if not await passkeys.note_use(session, current_passkey, verified.sign_count, is_backed_up=is_backed_up, now=now):
        if shown.tells_copy:
            post_link(session, request, parts.outbox, Kind.PASSKEY_COPIED, shown.account.email, now)
        await record(session, "passkey_copied", now=now, account_id=account_id, passkey_id=passkey_id)
        return None
    proof = proof_of_passkey(current_passkey, at=now)
    started = await begin_session(
        session, request, parts, account_id, proof, remember=remember, current=current, now=now
    )
    if shown.tells_device:
        tell(session, request, parts, shown.account, now)
    amr, session_id = " ".join(proof.methods), started.id
    await record(
        session, "signed_in", now=now, account_id=account_id, session_id=session_id, amr=amr, passkey_id=passkey_id
    )
    return started


def proof_of_passkey(passkey: Passkey, *, at: datetime) -> Proof:
    """A key that may be on several devices is held by software (RFC 8176 §2). That others are not, nobody attests."""
    key = SOFTWARE_KEY if passkey.is_synced else HARDWARE_KEY
    return Proof((key, PRESENCE, MULTIPLE), second_factor_at=at)
