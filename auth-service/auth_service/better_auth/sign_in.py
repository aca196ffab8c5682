"""POST /sign-in/email: a session for whoever knows the password."""

from datetime import datetime

from fastapi import Request, Response
from pydantic import Field

from .. import accounts
from ..accounts import Account
from ..browser_sessions import BrowserSession, start_session
from ..dependencies import Now, Parts, PartsDep
from ..email_addresses import parse_email
from ..logs import audit
from . import bodies, credentials
from .bodies import TAKES_BODY
from .current import device_of
from .guessing import WrongPassword, verify_password
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


@router.post(
    "/sign-in/email",
    openapi_extra=bodies.document(SignIn, starts_session=True),
    responses=bodies.refuses(*TAKES_BODY, 401, 429),
    response_model_exclude_unset=True,
)
async def sign_in_email(request: Request, response: Response, parts: PartsDep, now: Now) -> SignedIn:
    """Start a session. An unknown address and a wrong password take the same path, time and answer."""
    asked = await bodies.receive(request, SignIn, parts, starts_session=True)
    email = parse_email(asked.email)
    if email is None:
        raise Refusal(400, "INVALID_EMAIL", "Invalid email")
    credentials.check_password_length(asked.password, is_new=False)
    account, started = await _sign_in(request, parts, now, email, asked)
    audit("signed_in", account_id=account.id, session_id=started.id, amr="pwd")
    parts.session_cookies.set(response, started, now=now)
    parts.session_cookies.remember_device(request, response, email)
    user = UserView.of(account)
    if asked.callback_url:
        return SignedIn(redirect=True, token=started.token, url=asked.callback_url, user=user)
    return SignedIn(redirect=False, token=started.token, user=user)


async def _sign_in(
    request: Request, parts: Parts, now: datetime, email: str, asked: SignIn
) -> tuple[Account, BrowserSession]:
    """Read, close, hash, write. Raises Refusal (401, 403, 429)."""
    async with parts.database.reading() as session:
        found = await accounts.find_by_email_with_password(session, email)
    account, password_hash = found or (None, None)
    try:
        attempt = await verify_password(
            request, parts, now, email=email, password_hash=password_hash, password=asked.password
        )
    except WrongPassword:
        audit("sign_in_refused", account_id=account.id if account else None)
        raise wrong_credentials() from None
    assert account is not None and password_hash is not None  # noqa: S101, PT018 - otherwise it is a wrong password
    if account.suspended_at is not None:
        # Told only to who knows the password; the attempt stays counted, so it is no way to test passwords faster.
        raise Refusal(403, "ACCOUNT_SUSPENDED", "This account is suspended")
    async with parts.database.writing() as session:
        await parts.attempts.succeeded(session, attempt)
        if not await accounts.lock_password(session, account.id, password_hash):
            raise wrong_credentials()  # since a moment ago
        started = await start_session(
            session,
            account.id,
            remember=asked.remember_me,
            device=device_of(request),
            lifetimes=parts.session_lifetimes,
            now=now,
        )
    return account, started


def wrong_credentials() -> Refusal:
    return Refusal(401, "INVALID_EMAIL_OR_PASSWORD", "Invalid email or password")
