"""POST /update-user and /update-session: what people may change about themselves without their password."""

from dataclasses import dataclass
from typing import Any

from fastapi import Request

from ...accounts.accounts import update_profile
from ...http.parts import Now, given
from . import bodies, credentials
from .bodies import BODY_REFUSALS, BodyParts
from .current import CurrentParts, require_current
from .refusals import Refusal
from .routes import new_router
from .wire import Done, SessionView, Wire

router = new_router()


@dataclass(frozen=True)
class ProfileParts(BodyParts, CurrentParts):
    """The parts to read a body and to find the caller's session."""


class Profile(bodies.Body):
    name: credentials.Name = ""
    image: credentials.Image | None = None
    email: Any = None


class SessionAlone(Wire):
    session: SessionView


@router.post("/update-user", openapi_extra=bodies.document(Profile), responses=bodies.refuses(*BODY_REFUSALS, 401))
async def update_user(request: Request, now: Now) -> Done:
    """Change name or picture. The cookie is sent again, as in the protocol."""
    parts = given(request, ProfileParts)
    asked = await bodies.receive(request, Profile, parts)
    current = await require_current(request, parts, now)
    if "email" in asked.model_fields_set:
        raise Refusal(400, "EMAIL_CAN_NOT_BE_UPDATED", "Email can not be updated")
    changes = asked.model_dump(include={"name", "image"}, exclude_unset=True)
    if not changes:
        raise Refusal(400, None, "No fields to update")
    async with parts.database.writing() as session:
        await update_profile(session, current.account.id, changes, now)
    parts.session_cookies.set(request, current.session, now=now)
    return Done(status=True)


@router.post(
    "/update-session", openapi_extra=bodies.document(bodies.NoMembers), responses=bodies.refuses(*BODY_REFUSALS, 401)
)
async def update_session(request: Request, now: Now) -> SessionAlone:
    """Always refused: our sessions have no fields that an application could add."""
    parts = given(request, ProfileParts)
    await bodies.receive(request, bodies.NoMembers, parts)
    await require_current(request, parts, now)
    raise Refusal(400, None, "No fields to update")
