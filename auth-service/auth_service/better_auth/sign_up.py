"""POST /sign-up/email: an account with a password, and a session for it."""

from fastapi import Request, Response

from ..accounts import EmailTaken, create_account
from ..dependencies import Now, PartsDep
from ..email_addresses import parse_email
from ..logs import audit
from ..session_cookies import device_tag
from . import bodies, credentials
from .bodies import BODY_REFUSALS
from .current import start_session_here
from .guessing import place_in_queue
from .refusals import Refusal
from .routes import new_router
from .wire import UserView, Wire

router = new_router()


class SignUp(bodies.Body):
    name: credentials.Name
    email: str
    password: credentials.NewPassword
    image: credentials.Image = ""
    remember_me: bool = True


class SignedUp(Wire):
    token: str
    user: UserView


@router.post(
    "/sign-up/email",
    openapi_extra=bodies.document(SignUp, starts_session=True),
    responses=bodies.refuses(*BODY_REFUSALS, 422, 429),
)
async def sign_up_email(request: Request, response: Response, parts: PartsDep, now: Now) -> SignedUp:
    """Create an account and sign it in. Every path hashes, so that the time says nothing of who has an account."""
    asked = await bodies.receive(request, SignUp, parts, starts_session=True)
    email = parse_email(asked.email)
    if email is None:
        raise Refusal(400, "VALIDATION_ERROR", "[body.email] Invalid email address")
    credentials.check_password_length(asked.password, is_new=True)
    with place_in_queue(request, parts) as place:
        await credentials.check_not_common(place, asked.password)
        password_hash = await place.hash(asked.password)
    image = asked.image or None
    try:
        async with parts.database.writing() as session:
            account = await create_account(
                session, email=email, name=asked.name, image=image, password_hash=password_hash, now=now
            )
            started = await start_session_here(request, session, parts, account.id, remember=asked.remember_me, now=now)
    except EmailTaken:
        raise Refusal(
            422, "USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL", "User already exists. Use another email.", reason="taken"
        ) from None
    audit("signed_up", account_id=account.id, session_id=started.id)
    parts.session_cookies.set(response, started, now=now)
    parts.session_cookies.remember_device(request, response, device_tag(account.id, password_hash))
    return SignedUp(token=started.token, user=UserView.of(account))
