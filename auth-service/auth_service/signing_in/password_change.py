"""A new password by the current one, for the Better Auth protocol and the hosted pages alike."""

from dataclasses import dataclass, field
from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts.accounts import find_password_hash, lock_password, replace_password_hash
from ..accounts.passwords import MAX_LENGTH, Place, utf16_length
from ..accounts.weak_passwords import about
from ..audit.trail import recorded
from ..http.current_session import Current, SessionParts, start_session_here
from ..http.session_cookies import device_tag
from ..limits.attempts import Attempt
from ..sessions.browser_sessions import BrowserSession, end_sessions
from ..sessions.proofs import proof_of
from .guessing import GuessingParts, Tried, WrongPassword, place_in_queue, verify_password
from .new_passwords import NewPasswordParts, judge_new


class NoPassword(Exception):
    """The account has no password."""


class HashMoved(WrongPassword):
    """The stored hash is another one than the one that was compared a moment ago."""


class SessionGone(Exception):
    """The account was suspended a moment ago. The cookie is cleared."""


@dataclass(frozen=True)
class PasswordChangeParts(SessionParts, GuessingParts, NewPasswordParts):
    """The parts to compare a password of the person who is signed in, and to store a new one."""


@dataclass(frozen=True)
class NewPassword:
    current: str = field(repr=False)
    new: str = field(repr=False)  # of an accepted length
    ends_sessions: bool  # all of them; the caller gets a new one


@dataclass(frozen=True)
class _Change:
    attempt: Attempt
    old_hash: str = field(repr=False)
    new_hash: str = field(repr=False)
    ends_sessions: bool


async def confirm_password(
    request: Request, parts: PasswordChangeParts, now: datetime, place: Place, current: Current, password: str
) -> tuple[str, Attempt]:
    """Compare the password of the person who is signed in. Returns its hash and the counted attempt.

    A live session counts as a known device, so that strangers who use up the account's budget cannot keep its owner
    from changing the password.

    Raises:
        NoPassword, WrongPassword, TooManyAttempts
    """
    if utf16_length(password) > MAX_LENGTH:
        raise WrongPassword
    async with parts.database.reading() as session:
        password_hash = await find_password_hash(session, current.account.id)
    if password_hash is None:
        raise NoPassword
    tried = Tried(current.account.email, password_hash, password)
    return password_hash, await verify_password(request, parts, now, place, tried, knows_device=True)


async def change_password(
    request: Request, parts: PasswordChangeParts, now: datetime, current: Current, wanted: NewPassword
) -> BrowserSession | None:
    """Change the password. Returns the caller's new session, if all were ended.

    Raises:
        WeakPassword, NoPassword, WrongPassword, TooManyAttempts, TooBusy, SessionGone: nothing is changed.
    """
    # Checked first: if the new password is refused, the right current one must not count as a failed attempt.
    await judge_new(request, parts, wanted.new, *about(current.account))
    try:
        change, started = await _confirm_and_change(request, parts, now, current, wanted)
    except HashMoved:  # by another change, or by a sign-in that has renewed the hash: compared once more
        change, started = await _confirm_and_change(request, parts, now, current, wanted)
    parts.session_cookies.remember_device(request, device_tag(current.account.id, change.new_hash))
    if started is not None:
        parts.session_cookies.set(request, started, now=now)
    return started


async def _confirm_and_change(
    request: Request, parts: PasswordChangeParts, now: datetime, current: Current, wanted: NewPassword
) -> tuple[_Change, BrowserSession | None]:
    with place_in_queue(request, parts.passwords) as place:
        old_hash, attempt = await confirm_password(request, parts, now, place, current, wanted.current)
        new_hash = await place.hash(wanted.new)
    change = _Change(attempt, old_hash, new_hash, wanted.ends_sessions)
    ids = {"session_id": current.session.id}
    record = recorded(_change, "password_changed", at=now, account_id=current.account.id, facts=lambda _: ids)
    return change, await parts.database.transact(record, request, parts, current, change, now)


async def _change(
    session: AsyncSession,
    request: Request,
    parts: PasswordChangeParts,
    current: Current,
    change: _Change,
    now: datetime,
) -> BrowserSession | None:
    """Store the new password. With `ends_sessions` every session ends, and a new one is returned."""
    account_id = current.account.id
    await parts.attempts.succeeded(session, change.attempt)
    if not await replace_password_hash(session, account_id, change.new_hash, replacing=change.old_hash, now=now):
        raise HashMoved
    if not await lock_password(session, account_id, change.new_hash):
        parts.session_cookies.clear(request)
        raise SessionGone
    if not change.ends_sessions:
        return None
    await end_sessions(session, account_id, now=now)
    proof, remember = proof_of(current.session), current.session.is_remembered
    return await start_session_here(request, session, parts, account_id, proof, remember=remember, now=now)
