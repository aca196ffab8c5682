"""POST /sign-in/email: start a session with e-mail address and password."""

from dataclasses import dataclass

from fastapi import Request, Response
from pydantic import Field

from ...accounts.email_addresses import parse_email
from ...http.current_session import SessionParts
from ...http.direct_routes import DirectRoute
from ...http.parts import given
from ...signing_in.begun import SecondFactorAsked
from ...signing_in.known_passwords import Credentials
from ...signing_in.password_sign_in import (
    AccountSuspended,
    EmailNotVerified,
    SignInParts,
    WrongCredentials,
    sign_in,
)
from . import bodies, credentials
from .bodies import BODY_REFUSALS, BodyParts
from .refusals import Refusal
from .routes import new_router
from .wire import UserView, Wire, render

router = new_router(DirectRoute)


@dataclass(frozen=True)
class SignInEmailParts(BodyParts, SignInParts):
    """The parts to read a body and to sign in."""


class SignIn(bodies.Body):
    email: str
    password: str
    callback_url: credentials.Url = Field(default="", alias="callbackURL")
    remember_me: bool = True


class SignedIn(Wire):
    redirect: bool
    token: str
    url: str = ""  # only if the body had a callbackURL
    user: UserView


class Challenged(Wire):
    """The password is right, and the client has to ask for a code (POST /two-factor/verify-totp).

    Without a method the account needs a second factor and has none: /second-factor-setup, in this browser, sets it up.
    """

    two_factor_redirect: bool
    two_factor_methods: list[str]


@router.post(
    "/sign-in/email",
    openapi_extra=bodies.document(SignIn, starts_session=True),
    responses=bodies.refuses(*BODY_REFUSALS, 401, 429),
    response_model=SignedIn | Challenged,
)
async def sign_in_email(request: Request) -> Response:
    """Start a session, or ask for a code. An unknown address and a wrong password take the same time and answer."""
    parts = given(request, SignInEmailParts)
    asked = await bodies.receive(request, SignIn, parts, starts_session=True)
    email = parse_email(asked.email)
    if email is None:
        raise Refusal(400, "INVALID_EMAIL", "Invalid email")
    credentials.check_password_length(asked.password, is_new=False)
    try:
        account, started = await sign_in(
            request, parts, parts.clock(), Credentials(email, asked.password), remember=asked.remember_me
        )
    except SecondFactorAsked as asked_for:
        return render(challenge(request, parts, asked_for), Response())
    except WrongCredentials:
        raise Refusal(401, "INVALID_EMAIL_OR_PASSWORD", "Invalid email or password") from None
    except AccountSuspended:
        raise Refusal(403, "ACCOUNT_SUSPENDED", "This account is suspended") from None
    except EmailNotVerified:
        raise Refusal(403, "EMAIL_NOT_VERIFIED", "Email not verified") from None
    redirect = {"redirect": True, "url": asked.callback_url} if asked.callback_url else {"redirect": False}
    answer = SignedIn.model_construct(**redirect, token=started.token, user=UserView.of(account))
    return render(answer, Response())


def challenge(request: Request, parts: SessionParts, asked: SecondFactorAsked) -> Challenged:
    """The answer instead of a session. An earlier one is left: nobody is signed in until the code is there."""
    parts.session_cookies.clear(request)
    return Challenged(two_factor_redirect=True, two_factor_methods=[] if asked.has_none else ["totp"])
