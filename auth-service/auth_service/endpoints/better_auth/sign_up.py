"""POST /sign-up/email: create an account with a password, and start a session for it."""

from dataclasses import dataclass

from fastapi import Request
from pydantic import Field

from ...accounts.accounts import EmailTaken
from ...accounts.email_addresses import parse_email
from ...accounts.weak_passwords import WeakPassword
from ...http.parts import Now, given
from ...signing_in.begun import SecondFactorAsked
from ...signing_in.password_sign_up import NewAccount, SignUpParts, sign_up
from . import bodies, credentials
from .bodies import BODY_REFUSALS, BodyParts
from .refusals import Refusal
from .routes import new_router
from .sign_in import Challenged, challenge
from .wire import UserView, Wire

router = new_router()


@dataclass(frozen=True)
class SignUpEmailParts(BodyParts, SignUpParts):
    """The parts to read a body and to sign up."""


class SignUp(bodies.Body):
    name: credentials.Name
    email: str
    password: credentials.NewPassword
    image: credentials.Image = ""
    callback_url: credentials.Url = Field(default="", alias="callbackURL")
    remember_me: bool = True


class SignedUp(Wire):
    token: str | None  # None: the address has to be confirmed first
    user: UserView


@router.post(
    "/sign-up/email",
    openapi_extra=bodies.document(SignUp, starts_session=True),
    responses=bodies.refuses(*BODY_REFUSALS, 422, 429),
)
async def sign_up_email(request: Request, now: Now) -> SignedUp | Challenged:
    """Create an account and sign it in, unless the address has to be confirmed, or a second factor set up first.

    Then the answer and its time are the same for an address that has an account.
    """
    parts = given(request, SignUpEmailParts)
    asked = await bodies.receive(request, SignUp, parts, starts_session=True)
    email = parse_email(asked.email)
    if email is None:
        raise Refusal(400, "VALIDATION_ERROR", "[body.email] Invalid email address")
    credentials.check_password_length(asked.password, is_new=True)
    new = NewAccount(email, asked.name, asked.password, asked.image or None)
    try:
        account, started = await sign_up(
            request, parts, now, new, remember=asked.remember_me, return_to=asked.callback_url
        )
    except SecondFactorAsked as asked_for:
        return challenge(request, parts, asked_for)
    except WeakPassword as weak:
        raise credentials.weak_password(weak) from None
    except EmailTaken:
        raise Refusal(
            422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL", "User already exists. Use another email.", reason="taken"
        ) from None
    return SignedUp(token=started.token if started else None, user=UserView.of(account))
