"""POST /request-password-reset and /reset-password: a new password by a mailed link.

The original mails an address of the API, which redirects to the application's page with the token. Ours mails the
address of a hosted page: it sets the password itself, or sends the browser on to `redirectTo` with the token.
"""

from dataclasses import dataclass

from fastapi import Request
from pydantic import Field

from ...accounts.email_addresses import parse_email
from ...accounts.weak_passwords import WeakPassword
from ...http.parts import Now, given
from ...mail.kinds import Kind
from ...signing_in.mailed_links import InvalidLink, request_link
from ...signing_in.password_reset import ResetParts, reset_password
from . import bodies, credentials
from .bodies import BODY_REFUSALS, BodyParts
from .refusals import Refusal
from .routes import new_router
from .wire import Done, Wire

router = new_router()
SENT = "If this email exists in our system, check your email for the reset link"


@dataclass(frozen=True)
class PasswordResetParts(BodyParts, ResetParts):
    """The parts to read a body, to post a mail and to set a password."""


class RequestReset(bodies.Body):
    email: str
    redirect_to: credentials.Url = ""


class ResetRequested(Wire):
    status: bool
    message: str


class ResetPassword(bodies.Body):
    new_password: credentials.NewPassword
    token: str = Field(default="", max_length=100)


@router.post(
    "/request-password-reset",
    openapi_extra=bodies.document(RequestReset),
    responses=bodies.refuses(*BODY_REFUSALS, 429),
)
async def request_password_reset(request: Request, now: Now) -> ResetRequested:
    """Post a mail with a link. The answer and its time are the same for every address."""
    parts = given(request, PasswordResetParts)
    asked = await bodies.receive(request, RequestReset, parts)
    if not parts.outbox.is_on:
        raise Refusal(400, "RESET_PASSWORD_DISABLED", "Reset password isn't enabled")
    email = parse_email(asked.email)
    if email is None:
        raise Refusal(400, "VALIDATION_ERROR", "[body.email] Invalid email address")
    await request_link(request, parts, Kind.RESET_PASSWORD, email, now, return_to=asked.redirect_to)
    return ResetRequested(status=True, message=SENT)


@router.post(
    "/reset-password",
    openapi_extra=bodies.document(ResetPassword),
    responses=bodies.refuses(*BODY_REFUSALS, 429),
)
async def reset_password_(request: Request, now: Now) -> Done:
    """Set the password by the token of a mailed link, in the body or in the query. All sessions of the account end."""
    parts = given(request, PasswordResetParts)
    asked = await bodies.receive(request, ResetPassword, parts)
    credentials.check_password_length(asked.new_password, is_new=True)
    token = asked.token or request.query_params.get("token", "")
    try:
        await reset_password(request, parts, token, asked.new_password, now)
    except InvalidLink:
        raise Refusal(400, "INVALID_TOKEN", "Invalid token") from None
    except WeakPassword as weak:
        raise credentials.weak_password(weak) from None
    return Done(status=True)
