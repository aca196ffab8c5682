"""POST /sign-in/email: a session for whoever knows the password."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request, Response
from pydantic import Field

from .. import accounts
from ..accounts import Account
from ..attempts import Attempt
from ..dependencies import Now, Parts, PartsDep
from ..email_addresses import parse_email
from ..logs import audit
from ..session_cookies import device_tag
from . import bodies, credentials
from .bodies import BODY_REFUSALS
from .current import start_session_here
from .guessing import Tried, WrongPassword, place_in_queue, verify_password
from .refusals import Refusal
from .routes import new_router
from .wire import UserView, Wire

router = new_router()


class SignIn(bodies.Body):
    email: str
    password: str
    callback_url: credentials.Url = Field(default="", alias="callbackURL")
    remember_me: bool = True


class SignedIn(Wire):
    redirect: bool
    token: str
    url: str = ""  # only where the caller asked to be sent on
    user: UserView


@dataclass(frozen=True)
class Known:
    """An account with a password."""

    account: Account
    password_hash: str

    @property
    def device_tag(self) -> str:
        return device_tag(self.account.id, self.password_hash)


@router.post(
    "/sign-in/email",
    openapi_extra=bodies.document(SignIn, starts_session=True),
    responses=bodies.refuses(*BODY_REFUSALS, 401, 429),
    response_model_exclude_unset=True,
)
async def sign_in_email(request: Request, response: Response, parts: PartsDep, now: Now) -> SignedIn:
    """Start a session. An unknown address and a wrong password take the same path, time and answer."""
    asked = await bodies.receive(request, SignIn, parts, starts_session=True)
    email = parse_email(asked.email)
    if email is None:
        raise Refusal(400, "INVALID_EMAIL", "Invalid email")
    credentials.check_password_length(asked.password, is_new=False)
    known, attempt = await _authenticate(request, parts, now, email, asked.password)
    async with parts.database.writing() as session:
        await parts.attempts.succeeded(session, attempt)
        if not await accounts.lock_password(session, known.account.id, known.password_hash):
            raise wrong_credentials()  # since a moment ago
        started = await start_session_here(
            request, session, parts, known.account.id, remember=asked.remember_me, now=now
        )
    audit("signed_in", account_id=known.account.id, session_id=started.id, amr="pwd")
    parts.session_cookies.set(response, started, now=now)
    parts.session_cookies.remember_device(request, response, known.device_tag)
    user = UserView.of(known.account)
    if asked.callback_url:
        return SignedIn(redirect=True, token=started.token, url=asked.callback_url, user=user)
    return SignedIn(redirect=False, token=started.token, user=user)


async def _authenticate(
    request: Request, parts: Parts, now: datetime, email: str, password: str
) -> tuple[Known, Attempt]:
    """Read, close, hash. Raises Refusal (401, 403, 429)."""
    with place_in_queue(request, parts) as place:
        async with parts.database.reading() as session:
            found = await accounts.find_by_email_with_password(session, email)
        known = None if found is None or found[1] is None else Known(found[0], found[1])
        knows_device = known is not None and parts.session_cookies.knows_device(request, known.device_tag)
        tried = Tried(email, known.password_hash if known else None, password)
        try:
            attempt = await verify_password(request, parts, now, place, tried, knows_device=knows_device)
        except WrongPassword:
            audit("sign_in_refused", account_id=known.account.id if known else None)
            raise wrong_credentials() from None
    if known is None:
        raise wrong_credentials()
    if known.account.suspended_at is not None:
        # Told only to who knows the password; the attempt stays counted, so it is no way to test passwords faster.
        raise Refusal(403, "ACCOUNT_SUSPENDED", "This account is suspended")
    return known, attempt


def wrong_credentials() -> Refusal:
    return Refusal(401, "INVALID_EMAIL_OR_PASSWORD", "Invalid email or password")
