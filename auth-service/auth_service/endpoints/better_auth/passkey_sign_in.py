"""GET /passkey/generate-authenticate-options, POST /passkey/verify-authentication: a session by a passkey.

The original gives no answer to the question how strong the sign-in was. Here the person is verified by their device, so
the session has two factors, and no code is asked for.
"""

from dataclasses import dataclass
from typing import Any

from fastapi import Request

from ...accounts.passkeys.answers import InvalidAnswer, parse_sign_in
from ...accounts.passkeys.passkeys import list_passkeys
from ...accounts.passkeys.relying_party import Listed
from ...http.current_session import find_current_if_clear
from ...http.parts import Now, given
from ...signing_in.passkey_checks import NoChallenge
from ...signing_in.passkey_sign_in import CopiedPasskey, PasskeySignInParts, UnknownPasskey, sign_in_by_passkey
from ...signing_in.password_sign_in import AccountSuspended, EmailNotVerified
from . import bodies
from .bodies import BODY_REFUSALS, BodyParts
from .passkey_registration import no_challenge
from .passkeys import not_found
from .refusals import Refusal
from .routes import new_router
from .wire import SessionView, UserView, Wire

router = new_router()


@dataclass(frozen=True)
class PasskeyBodyParts(BodyParts, PasskeySignInParts):
    """The parts to read a body and to sign in."""


class Authentication(bodies.Body):
    response: dict[str, Any]


class SignedInByPasskey(Wire):
    session: SessionView
    user: UserView


@router.get("/passkey/generate-authenticate-options")
async def generate_authenticate_options(request: Request, now: Now) -> dict[str, Any]:
    """The options for `navigator.credentials.get`. They name the caller's passkeys, if somebody is signed in."""
    parts = given(request, PasskeyBodyParts)
    current = await find_current_if_clear(request, parts, now)
    challenge, allowed = parts.passkey_checks.challenge(request, now), []
    if current is not None:
        async with parts.database.reading() as session:
            listed = await list_passkeys(session, current.account.id)
        allowed = [Listed(each.credential_id, each.transports) for each in listed]
    return parts.passkey_checks.party.sign_in_options(challenge, allowed)


@router.post(
    "/passkey/verify-authentication",
    openapi_extra=bodies.document(Authentication, starts_session=True),
    responses=bodies.refuses(*BODY_REFUSALS, 401),
)
async def verify_authentication(request: Request, now: Now) -> SignedInByPasskey:
    """Start a session. A session of the same person in this browser goes on, newly authenticated."""
    parts = given(request, PasskeyBodyParts)
    asked = await bodies.receive(request, Authentication, parts, starts_session=True)
    current = await find_current_if_clear(request, parts, now)
    try:
        answer = parse_sign_in(asked.response)
        account, started = await sign_in_by_passkey(request, parts, now, answer, current=current)
    except NoChallenge:
        raise no_challenge() from None
    except UnknownPasskey:
        raise not_found(401) from None
    except InvalidAnswer as invalid:
        raise _failed(invalid.reason) from None
    except CopiedPasskey:
        raise _failed("the counter has not risen") from None
    except AccountSuspended:
        raise Refusal(403, "ACCOUNT_SUSPENDED", "This account is suspended") from None
    except EmailNotVerified:
        raise Refusal(403, "EMAIL_NOT_VERIFIED", "Email not verified") from None
    return SignedInByPasskey(session=SessionView.of(started), user=UserView.of(account))


def _failed(reason: str) -> Refusal:
    return Refusal(400, "AUTHENTICATION_FAILED", "Authentication failed", reason=reason)
