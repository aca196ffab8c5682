"""POST /sign-out: end the session that asks."""

from fastapi import Request

from ...http.parts import Now, PartsDep
from ...sessions.browser_sessions import end_session
from ...telemetry.logs import audit
from . import bodies
from .bodies import BODY_REFUSALS
from .routes import new_router
from .wire import Wire

router = new_router()


class SignedOut(Wire):
    success: bool


@router.post("/sign-out", openapi_extra=bodies.document(bodies.NoMembers), responses=bodies.refuses(*BODY_REFUSALS))
async def sign_out(request: Request, parts: PartsDep, now: Now) -> SignedOut:
    """End the session and clear its cookies. Whoever is not signed in is signed out already."""
    await bodies.receive(request, bodies.NoMembers, parts)
    token = parts.session_cookies.read(request)
    if token is not None:
        async with parts.database.writing() as session:
            session_id = await end_session(session, token, now=now)
        audit("signed_out", session_id=session_id)
    parts.session_cookies.clear(request)
    return SignedOut(success=True)
