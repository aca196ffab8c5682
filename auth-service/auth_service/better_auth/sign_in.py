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
    account = await _authenticate(email, asked.password, parts)
    started = await _start(account, request, parts, now, remember=asked.remember_me)
    audit("signed_in", account_id=account.id, session_id=started.id, amr="pwd")
    parts.session_cookies.set(response, started, now=now)
    user = UserView.of(account)
    if asked.callback_url:
        return SignedIn(redirect=True, token=started.token, url=asked.callback_url, user=user)
    return SignedIn(redirect=False, token=started.token, user=user)


async def _authenticate(email: str, password: str, parts: Parts) -> Account:
    """Read, close, hash: no connection is taken while Argon2 runs. Raises Refusal (401, 429)."""
    async with parts.database.reading() as session:
        found = await accounts.find_by_email_with_password(session, email)
    account, password_hash = found or (None, None)
    matches = await credentials.in_queue(parts.passwords.verify(password_hash, password))
    if account is None or not matches:
        audit("sign_in_refused", account_id=account.id if account else None)
        raise Refusal(401, "INVALID_EMAIL_OR_PASSWORD", "Invalid email or password")
    return account


async def _start(account: Account, request: Request, parts: Parts, now: datetime, *, remember: bool) -> BrowserSession:
    async with parts.database.writing() as session:
        return await start_session(
            session,
            account.id,
            remember=remember,
            device=device_of(request),
            lifetimes=parts.session_lifetimes,
            now=now,
        )
