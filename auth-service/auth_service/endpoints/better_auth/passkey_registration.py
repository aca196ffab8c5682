"""GET /passkey/generate-register-options, POST /passkey/verify-registration: the caller adds a passkey."""

from typing import Annotated, Any

from fastapi import Request
from pydantic import Field

from ...accounts.passkeys.answers import InvalidAnswer, parse_registration
from ...accounts.passkeys.passkeys import list_passkeys
from ...accounts.passkeys.relying_party import Listed, Person
from ...http.parts import Now, given
from ...limits.attempts import TooManyAttempts
from ...signing_in.passkey_changes import AlreadyRegistered, TooManyPasskeys, add_passkey
from ...signing_in.passkey_checks import NoChallenge
from ...signing_in.recent_sign_in import NotFresh, require_fresh
from ...signing_in.signed_in_factor import NotSignedIn
from . import bodies
from .bodies import BODY_REFUSALS
from .current import require_current
from .passkeys import Name, PasskeyParts, PasskeyView, not_fresh
from .refusals import Refusal, TooManyRequests, unauthorized
from .routes import new_router

router = new_router()
ATTACHMENT = "authenticatorAttachment"
ATTACHMENTS = ("platform", "cross-platform")
QUERY = {
    "parameters": [
        {"name": "name", "in": "query", "required": False, "schema": {"type": "string"}},
        {"name": ATTACHMENT, "in": "query", "required": False, "schema": {"type": "string", "enum": [*ATTACHMENTS]}},
    ]
}


class Registration(bodies.Body):
    response: dict[str, Any]
    name: Annotated[Name, Field()] = ""


@router.get("/passkey/generate-register-options", openapi_extra=QUERY, responses=bodies.refuses(400, 401, 403))
async def generate_register_options(request: Request, now: Now) -> dict[str, Any]:
    """The options for `navigator.credentials.create`, with a challenge for this session.

    The `name` of the query is not needed: authenticators show the account's address.
    """
    parts = given(request, PasskeyParts)
    attachment = request.query_params.get(ATTACHMENT)
    if attachment is not None and attachment not in ATTACHMENTS:
        expected = "|".join(f'"{each}"' for each in ATTACHMENTS)
        raise Refusal(400, "VALIDATION_ERROR", f"[query.{ATTACHMENT}] Invalid option: expected one of {expected}")
    current = await require_current(request, parts, now, fresh=True)
    try:
        require_fresh(current, now=now)
    except NotFresh:
        raise not_fresh() from None
    async with parts.database.reading() as session:
        listed = await list_passkeys(session, current.account.id)
    existing = [Listed(each.credential_id, each.transports) for each in listed]
    person = Person(current.account.id, current.account.email, current.account.name)
    challenge = parts.passkey_checks.challenge(request, now, current)
    return parts.passkey_checks.party.registration_options(challenge, person, existing, attachment=attachment)


@router.post(
    "/passkey/verify-registration",
    openapi_extra=bodies.document(Registration),
    responses=bodies.refuses(*BODY_REFUSALS, 401, 429),
)
async def verify_registration(request: Request, now: Now) -> PasskeyView:
    """Store the passkey that an authenticator has made. The person is told by mail."""
    parts = given(request, PasskeyParts)
    asked = await bodies.receive(request, Registration, parts)
    current = await require_current(request, parts, now, fresh=True)
    try:
        answer = parse_registration(asked.response)
        return PasskeyView.of(await add_passkey(request, parts, now, current, answer, asked.name))
    except NotFresh:
        raise not_fresh() from None
    except NotSignedIn:
        raise unauthorized() from None
    except NoChallenge:
        raise no_challenge() from None
    except InvalidAnswer as invalid:
        text = "Failed to verify registration"
        raise Refusal(400, "FAILED_TO_VERIFY_REGISTRATION", text, reason=invalid.reason) from None
    except AlreadyRegistered:
        raise Refusal(400, "PREVIOUSLY_REGISTERED", "Previously registered") from None
    except TooManyPasskeys:
        raise Refusal(400, "TOO_MANY_PASSKEYS", "This account has too many passkeys. Remove one first.") from None
    except TooManyAttempts as held:
        raise TooManyRequests(held.retry_after, reason="too many changes of passkeys") from None


def no_challenge() -> Refusal:
    return Refusal(400, "CHALLENGE_NOT_FOUND", "Challenge not found")
