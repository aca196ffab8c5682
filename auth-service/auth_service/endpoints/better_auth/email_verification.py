"""POST /send-verification-email and GET /verify-email: an address is proved by a mailed link.

The original verifies on GET, which programs that look at links do, too. Here GET leads to a page that asks.
"""

from dataclasses import dataclass

from fastapi import Request, Response
from pydantic import Field

from ...accounts.email_addresses import parse_email
from ...http.current_session import find_current_if_clear
from ...http.pages import see_other
from ...http.parts import Now, given
from ...mail.kinds import Kind
from ...signing_in.mailed_links import MailParts, request_link
from . import bodies, credentials
from .bodies import BODY_REFUSALS, BodyParts
from .current import CurrentParts
from .refusals import Refusal
from .routes import new_router
from .wire import Done

router = new_router()


@dataclass(frozen=True)
class VerificationParts(BodyParts, CurrentParts, MailParts):
    """The parts to read a body, to find the caller's session and to post a mail."""


class SendVerification(bodies.Body):
    email: str
    callback_url: credentials.Url = Field(default="", alias="callbackURL")


@router.post(
    "/send-verification-email",
    openapi_extra=bodies.document(SendVerification),
    responses=bodies.refuses(*BODY_REFUSALS, 429),
)
async def send_verification_email(request: Request, now: Now) -> Done:
    """Post a mail with a link. For an anonymous caller the answer and its time are the same for every address."""
    parts = given(request, VerificationParts)
    asked = await bodies.receive(request, SendVerification, parts)
    if not parts.outbox.is_on:
        raise Refusal(400, "VERIFICATION_EMAIL_NOT_ENABLED", "Verification email isn't enabled")
    email = parse_email(asked.email)
    if email is None:
        raise Refusal(400, "VALIDATION_ERROR", "[body.email] Invalid email address")
    current = await find_current_if_clear(request, parts, now)
    if current is not None and current.account.email != email:
        raise Refusal(400, "EMAIL_MISMATCH", "Email mismatch")
    if current is not None and current.account.email_verified:
        raise Refusal(400, "EMAIL_ALREADY_VERIFIED", "Email is already verified")
    await request_link(request, parts, Kind.VERIFY_EMAIL, email, now, return_to=asked.callback_url)
    return Done(status=True)


@router.get("/verify-email", response_class=Response, responses={303: {"description": "See Other"}})
async def verify_email(request: Request) -> Response:
    """Redirect to the page that asks. Nothing is verified by GET."""
    names = ("token", "callbackURL")
    return see_other(
        "/verify-email", **{name: request.query_params[name] for name in names if name in request.query_params}
    )
