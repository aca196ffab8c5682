"""POST /change-password and /verify-password: both need the current password."""

from dataclasses import dataclass, field
from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ...accounts.accounts import find_password_hash, lock_password, replace_password_hash
from ...accounts.passwords import Place
from ...audit.trail import recorded
from ...http.current_session import Current, start_session_here
from ...http.parts import Now, given
from ...http.session_cookies import device_tag
from ...limits.attempts import Attempt
from ...sessions.browser_sessions import BrowserSession, end_sessions
from ...sessions.proofs import proof_of
from ...signing_in.guessing import GuessingParts, Tried, WrongPassword, place_in_queue, verify_password
from . import bodies, credentials
from .bodies import BODY_REFUSALS, BodyParts
from .current import CurrentParts, require_current
from .refusals import Refusal, unauthorized
from .routes import new_router
from .wire import Done, UserView, Wire

router = new_router()


@dataclass(frozen=True)
class PasswordParts(BodyParts, CurrentParts, GuessingParts):
    """The parts to read a body, to find the caller's session, and to compare a password."""


class ChangePassword(bodies.Body):
    current_password: str
    new_password: str
    revoke_other_sessions: bool = False


class PasswordChanged(Wire):
    token: str | None  # of the new session, if the others were ended
    user: UserView


@dataclass(frozen=True)
class Change:
    """A change of a password that was confirmed."""

    attempt: Attempt
    old_hash: str = field(repr=False)
    new_hash: str = field(repr=False)
    ends_sessions: bool


class OnePassword(bodies.Body):
    password: str


@router.post(
    "/change-password",
    openapi_extra=bodies.document(ChangePassword),
    responses=bodies.refuses(*BODY_REFUSALS, 401, 429),
)
async def change_password(request: Request, now: Now) -> PasswordChanged:
    """Change the password. With `revokeOtherSessions` every session ends, and the caller gets a new one."""
    parts = given(request, PasswordParts)
    asked = await bodies.receive(request, ChangePassword, parts)
    current = await require_current(request, parts, now)
    credentials.check_password_length(asked.new_password, is_new=True)
    with place_in_queue(request, parts.passwords) as place:
        # Checked first: if the new password is refused, the right current one must not count as a failed attempt.
        await credentials.check_not_common(place, asked.new_password)
        old_hash, attempt = await confirm_password(request, parts, now, place, current, asked.current_password)
        new_hash = await place.hash(asked.new_password)
    user = UserView.of(current.account)
    change = Change(attempt, old_hash, new_hash, ends_sessions=asked.revoke_other_sessions)
    ids = {"session_id": current.session.id}
    record = recorded(_change, "password_changed", at=now, account_id=current.account.id, facts=lambda _: ids)
    started = await parts.database.transact(record, request, parts, current, change, now)
    parts.session_cookies.remember_device(request, device_tag(current.account.id, new_hash))
    if started is None:
        return PasswordChanged(token=None, user=user)
    parts.session_cookies.set(request, started, now=now)
    return PasswordChanged(token=started.token, user=user)


async def _change(
    session: AsyncSession, request: Request, parts: PasswordParts, current: Current, change: Change, now: datetime
) -> BrowserSession | None:
    """Store the new password. With `ends_sessions` every session ends, and a new one is returned."""
    account_id = current.account.id
    await parts.attempts.succeeded(session, change.attempt)
    if not await replace_password_hash(session, account_id, change.new_hash, replacing=change.old_hash, now=now):
        raise invalid_password()  # it was changed a moment ago
    if not await lock_password(session, account_id, change.new_hash):
        parts.session_cookies.clear(request)
        raise unauthorized()  # the account was suspended a moment ago
    if not change.ends_sessions:
        return None
    await end_sessions(session, account_id, now=now)
    proof, remember = proof_of(current.session), current.session.is_remembered
    return await start_session_here(request, session, parts, account_id, proof, remember=remember, now=now)


@router.post(
    "/verify-password", openapi_extra=bodies.document(OnePassword), responses=bodies.refuses(*BODY_REFUSALS, 401, 429)
)
async def verify_password_(request: Request, now: Now) -> Done:
    """Whether the password is right, for pages that ask for it before an important change."""
    parts = given(request, PasswordParts)
    asked = await bodies.receive(request, OnePassword, parts)
    current = await require_current(request, parts, now)
    with place_in_queue(request, parts.passwords) as place:
        _, attempt = await confirm_password(request, parts, now, place, current, asked.password)
    async with parts.database.writing() as session:
        await parts.attempts.succeeded(session, attempt)
    return Done(status=True)


async def confirm_password(
    request: Request, parts: PasswordParts, now: datetime, place: Place, current: Current, password: str
) -> tuple[str, Attempt]:
    """Compare the caller's password. Returns its hash and the counted attempt.

    A live session counts as a known device, so that strangers who use up the account's budget cannot keep its owner
    from changing the password.

    Raises:
        Refusal: 400.
        TooManyAttempts
    """
    credentials.check_password_length(password, is_new=False)
    async with parts.database.reading() as session:
        password_hash = await find_password_hash(session, current.account.id)
    if password_hash is None:
        raise Refusal(400, "CREDENTIAL_ACCOUNT_NOT_FOUND", "Credential account not found")
    tried = Tried(current.account.email, password_hash, password)
    try:
        return password_hash, await verify_password(request, parts, now, place, tried, knows_device=True)
    except WrongPassword:
        raise invalid_password() from None


def invalid_password() -> Refusal:
    """400, not 401, because the session is still valid."""
    return Refusal(400, "INVALID_PASSWORD", "Invalid password")
