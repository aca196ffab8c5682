"""POST /sign-out: end the caller's session."""

from dataclasses import dataclass

from fastapi import Request

from ...http.current_session import SessionParts
from ...http.parts import Now, given
from ...sessions.browser_sessions import end_session
from ...telemetry.logs import audit
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
        session_id = await parts.database.transact(end_session, token, now=now)
        audit("signed_out", session_id=session_id)
    parts.session_cookies.clear(request)
    return SignedOut(success=True)
