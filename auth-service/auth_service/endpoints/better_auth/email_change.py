"""POST /change-email: ask for another address; it is confirmed by a link that is mailed to the new one."""

from dataclasses import dataclass

from fastapi import Request
from pydantic import Field

from ...accounts.email_addresses import parse_email
from ...http.parts import Now, given
from ...signing_in.email_change import request_change
from ...signing_in.mailed_links import MailParts
from ...signing_in.recent_sign_in import lacks_second_factor
from . import bodies, credentials
from .bodies import BODY_REFUSALS, BodyParts
from .current import CurrentParts, require_current
from .refusals import Refusal
from .routes import new_router
from .wire import Done

router = new_router()


@dataclass(frozen=True)
class ChangeEmailParts(BodyParts, CurrentParts, MailParts):
    """The parts to read a body, to find the caller's session and to post a mail."""


class ChangeEmail(bodies.Body):
    new_email: str
    callback_url: credentials.Url = Field(default="", alias="callbackURL")


@router.post(
    "/change-email", openapi_extra=bodies.document(ChangeEmail), responses=bodies.refuses(*BODY_REFUSALS, 401, 403, 429)
)
async def change_email(request: Request, now: Now) -> Done:
    """Post a mail to the new address. The answer is the same for one that has an account.

    A recent sign-in is needed, unlike in the original, and the second factor if there is one: who owns the address can
    reset the password, and start a recovery.
    """
    parts = given(request, ChangeEmailParts)
    asked = await bodies.receive(request, ChangeEmail, parts)
    current = await require_current(request, parts, now, fresh=True)
    if not parts.outbox.is_on:
        raise Refusal(400, "CHANGE_EMAIL_DISABLED", "Change email is disabled")
    if lacks_second_factor(current, now=now):
        text = "Enter a code first: this needs a second factor of the last ten minutes (verify-totp)"
        raise Refusal(403, "SESSION_NOT_FRESH", text)
    email = parse_email(asked.new_email)
    if email is None:
        raise Refusal(400, "VALIDATION_ERROR", "[body.newEmail] Invalid email address")
    if email == current.account.email:
        raise Refusal(400, None, "Email is the same")
    await request_change(request, parts, current, email, now, return_to=asked.callback_url)
    return Done(status=True)
