"""POST /sign-out: end the caller's session."""

from dataclasses import dataclass

from fastapi import Request

from ...audit.trail import recorded
from ...http.current_session import SessionParts
from ...http.parts import Now, given
from ...sessions.browser_sessions import end_session
from . import bodies
from .bodies import BODY_REFUSALS, BodyParts
from .routes import new_router
from .wire import Wire

router = new_router()


@dataclass(frozen=True)
class SignOutParts(BodyParts, SessionParts):
    """The parts to read a body and to end the caller's session."""


class SignedOut(Wire):
    success: bool


@router.post("/sign-out", openapi_extra=bodies.document(bodies.NoMembers), responses=bodies.refuses(*BODY_REFUSALS))
async def sign_out(request: Request, now: Now) -> SignedOut:
    """End the session and clear its cookies. A caller without a session gets the same answer."""
    parts = given(request, SignOutParts)
    await bodies.receive(request, bodies.NoMembers, parts)
    for token in parts.session_cookies.read_all(request):
        end = recorded(end_session, "signed_out", at=now, if_=bool, facts=lambda ended: {"session_id": ended})
        await parts.database.transact(end, token, now=now)
    parts.session_cookies.clear(request)
    return SignedOut(success=True)
