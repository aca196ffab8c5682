"""POST /change-password and /verify-password: both need the current password."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request

from ...accounts.passwords import Place
from ...accounts.weak_passwords import WeakPassword
from ...http.current_session import Current
from ...http.parts import Now, given
from ...limits.attempts import Attempt
from ...signing_in import password_change
from ...signing_in.guessing import WrongPassword, place_in_queue
from ...signing_in.password_change import NewPassword, NoPassword, PasswordChangeParts, SessionGone
from . import bodies, credentials
from .bodies import BODY_REFUSALS, BodyParts
from .current import CurrentParts, require_current
from .refusals import Refusal, unauthorized
from .routes import new_router
from .wire import Done, UserView, Wire

router = new_router()


@dataclass(frozen=True)
class PasswordParts(BodyParts, CurrentParts, PasswordChangeParts):
    """The parts to read a body, to find the caller's session, and to compare a password."""


class ChangePassword(bodies.Body):
    current_password: str
    new_password: str
    revoke_other_sessions: bool = False


class PasswordChanged(Wire):
    token: str | None  # of the new session, if the others were ended
    user: UserView


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
    credentials.check_password_length(asked.current_password, is_new=False)
    wanted = NewPassword(asked.current_password, asked.new_password, asked.revoke_other_sessions)
    user = UserView.of(current.account)
    try:
        started = await password_change.change_password(request, parts, now, current, wanted)
    except WeakPassword as weak:
        raise credentials.weak_password(weak) from None
    except NoPassword:
        raise no_password() from None
    except WrongPassword:
        raise invalid_password() from None
    except SessionGone:
        raise unauthorized() from None
    return PasswordChanged(token=started.token if started else None, user=user)


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

    Raises:
        Refusal: 400.
        TooManyAttempts
    """
    credentials.check_password_length(password, is_new=False)
    try:
        return await password_change.confirm_password(request, parts, now, place, current, password)
    except NoPassword:
        raise no_password() from None
    except WrongPassword:
        raise invalid_password() from None


def no_password() -> Refusal:
    return Refusal(400, "CREDENTIAL_ACCOUNT_NOT_FOUND", "Credential account not found")


def invalid_password() -> Refusal:
    """400, not 401, because the session is still valid."""
    return Refusal(400, "INVALID_PASSWORD", "Invalid password")
