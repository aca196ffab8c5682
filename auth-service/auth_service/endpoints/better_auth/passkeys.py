"""GET /passkey/list-user-passkeys, POST /passkey/update-passkey and /delete-passkey: the caller's passkeys.

A passkey of somebody else is answered like one that does not exist. The original deletes with any session; here the
sign-in must be recent, as for adding one, and the last way in to an account stays.
"""

from dataclasses import dataclass
from typing import Annotated, Self

from fastapi import Request
from pydantic import AfterValidator, Field, StringConstraints

from ...accounts.passkeys.answers import encoded
from ...accounts.passkeys.passkeys import MAX_NAME, Passkey, list_passkeys
from ...http.parts import Now, given
from ...limits.attempts import TooManyAttempts
from ...oauth.names import parse_name
from ...signing_in.passkey_changes import PasskeyChangeParts, remove_passkey, rename_passkey
from ...signing_in.recent_sign_in import NotFresh
from ...signing_in.ways_in import LastWayIn
from . import bodies
from .bodies import BODY_REFUSALS, BodyParts
from .current import CurrentParts, require_current
from .refusals import Refusal, TooManyRequests
from .routes import new_router
from .wire import Done, Wire, WireInstant

router = new_router()
Name = Annotated[str, StringConstraints(max_length=MAX_NAME), AfterValidator(parse_name)]


@dataclass(frozen=True)
class PasskeyParts(BodyParts, CurrentParts, PasskeyChangeParts):
    """The parts to read a body, to find the caller's session, and to change its person's passkeys."""


class PasskeyView(Wire):
    id: str
    name: str
    public_key: str  # COSE_Key in base64url
    user_id: str
    credential_id: str = Field(alias="credentialID")
    counter: int
    device_type: str
    backed_up: bool
    transports: str
    created_at: WireInstant
    aaguid: str

    @classmethod
    def of(cls, passkey: Passkey) -> Self:
        return cls.model_construct(
            id=passkey.id,
            name=passkey.name,
            public_key=encoded(passkey.public_key),
            user_id=passkey.account_id,
            credential_id=passkey.credential_id,
            counter=passkey.sign_count,
            device_type="multiDevice" if passkey.is_synced else "singleDevice",
            backed_up=passkey.is_backed_up,
            transports=passkey.transports,
            created_at=passkey.created_at,
            aaguid=passkey.aaguid,
        )


class Renamed(Wire):
    passkey: PasskeyView


class OnePasskey(bodies.Body):
    id: Annotated[str, StringConstraints(max_length=64)]


class NewName(OnePasskey):
    name: Annotated[Name, StringConstraints(min_length=1)]


@router.get("/passkey/list-user-passkeys", responses=bodies.refuses(401))
async def list_user_passkeys(request: Request, now: Now) -> list[PasskeyView]:
    parts = given(request, PasskeyParts)
    current = await require_current(request, parts, now)
    async with parts.database.reading() as session:
        listed = await list_passkeys(session, current.account.id)
    return [PasskeyView.of(passkey) for passkey in listed]


@router.post(
    "/passkey/update-passkey",
    openapi_extra=bodies.document(NewName),
    responses=bodies.refuses(*BODY_REFUSALS, 401, 404),
)
async def update_passkey(request: Request, now: Now) -> Renamed:
    """Give a passkey another name."""
    parts = given(request, PasskeyParts)
    asked = await bodies.receive(request, NewName, parts)
    current = await require_current(request, parts, now)
    renamed = await parts.database.transact(rename_passkey, current, asked.id, asked.name, now)
    if renamed is None:
        raise not_found()
    return Renamed(passkey=PasskeyView.of(renamed))


@router.post(
    "/passkey/delete-passkey",
    openapi_extra=bodies.document(OnePasskey),
    responses=bodies.refuses(*BODY_REFUSALS, 401, 404, 429),
)
async def delete_passkey(request: Request, now: Now) -> Done:
    """Delete a passkey: it signs in no longer. The person is told by mail."""
    parts = given(request, PasskeyParts)
    asked = await bodies.receive(request, OnePasskey, parts)
    current = await require_current(request, parts, now)
    try:
        removed = await remove_passkey(request, parts, now, current, asked.id)
    except NotFresh:
        raise not_fresh() from None
    except LastWayIn:
        raise Refusal(400, "FAILED_TO_UNLINK_LAST_ACCOUNT", "You can't remove your last way to sign in") from None
    except TooManyAttempts as held:
        raise TooManyRequests(held.retry_after, reason="too many changes of passkeys") from None
    if removed is None:
        raise not_found()
    return Done(status=True)


def not_found(status: int = 404) -> Refusal:
    return Refusal(status, "PASSKEY_NOT_FOUND", "Passkey not found")


def not_fresh() -> Refusal:
    return Refusal(403, "SESSION_NOT_FRESH", "Session is not fresh")
