"""POST /sign-in/magic-link and /magic-link/verify: a session by a mailed link.

The original consumes the link on GET, which programs that look at links do, too. Here GET leads to a page that asks,
and an application with a page of its own posts the token (`client.magicLink.verify({token})`). An address without an
account gets a mail that says so; no account is made.
"""

from dataclasses import dataclass

from fastapi import Request, Response
from pydantic import Field

from ...accounts.email_addresses import parse_email
from ...http.pages import see_other
from ...http.parts import Now, given
from ...mail.kinds import Kind
from ...signing_in.begun import SecondFactorAsked
from ...signing_in.link_sign_in import sign_in_by_link
from ...signing_in.mail_sign_in import MailSignInParts
from ...signing_in.mailed_links import InvalidLink, request_link
from . import bodies, credentials
from .bodies import BODY_REFUSALS, BodyParts
from .refusals import Refusal
from .routes import new_router
from .sign_in import Challenged, challenge
from .wire import Done, SessionView, UserView, Wire

router = new_router()


@dataclass(frozen=True)
class MagicLinkParts(BodyParts, MailSignInParts):
    """The parts to read a body, to post a mail and to sign in."""


class MagicLink(bodies.Body):
    email: str
    callback_url: credentials.Url = Field(default="", alias="callbackURL")


class VerifyLink(bodies.Body):
    token: str = Field(max_length=100)


class SignedInByLink(Wire):
    token: str
    user: UserView
    session: SessionView


@router.post(
    "/sign-in/magic-link",
    openapi_extra=bodies.document(MagicLink, starts_session=True),
    responses=bodies.refuses(*BODY_REFUSALS, 429),
)
async def sign_in_magic_link(request: Request, now: Now) -> Done:
    """Post a mail with a link. The answer and its time are the same for every address."""
    parts = given(request, MagicLinkParts)
    asked = await bodies.receive(request, MagicLink, parts, starts_session=True)
    if not parts.outbox.is_on:
        raise Refusal(400, "MAGIC_LINK_DISABLED", "Magic link isn't enabled")
    email = parse_email(asked.email)
    if email is None:
        raise Refusal(400, "VALIDATION_ERROR", "[body.email] Invalid email address")
    await request_link(request, parts, Kind.SIGN_IN, email, now, return_to=asked.callback_url)
    return Done(status=True)


@router.get("/magic-link/verify", response_class=Response, responses={303: {"description": "See Other"}})
async def to_confirm(request: Request) -> Response:
    """Redirect to the page that asks. Nobody is signed in by GET."""
    names = ("token", "callbackURL")
    return see_other("/confirm", **{name: request.query_params[name] for name in names if name in request.query_params})


@router.post(
    "/magic-link/verify",
    openapi_extra=bodies.document(VerifyLink, starts_session=True),
    responses=bodies.refuses(*BODY_REFUSALS),
)
async def verify_magic_link(request: Request, now: Now) -> SignedInByLink | Challenged:
    """Start a session by the link's token, or ask for a code."""
    parts = given(request, MagicLinkParts)
    asked = await bodies.receive(request, VerifyLink, parts, starts_session=True)
    try:
        account, started = await sign_in_by_link(request, parts, asked.token, now)
    except SecondFactorAsked as asked_for:
        return challenge(request, parts, asked_for)
    except InvalidLink:
        raise Refusal(400, "INVALID_TOKEN", "Invalid token") from None
    return SignedInByLink(token=started.token, user=UserView.of(account), session=SessionView.of(started))
