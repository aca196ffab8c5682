"""GET /list-sessions, and POST /get-session, which is refused."""

from fastapi import Request, Response

from ...http.parts import Now, given
from ...sessions.listing import list_live
from . import bodies
from .bodies import BODY_REFUSALS, BodyParts
from .current import CurrentParts, require_current
from .refusals import Refusal
from .routes import new_router
from .wire import SessionView

router = new_router()


@router.post(
    "/get-session", openapi_extra=bodies.document(bodies.NoMembers), responses=bodies.refuses(*BODY_REFUSALS, 405)
)
async def refresh_session(request: Request) -> Response:
    """Always refused. It would prolong the session, but here GET /get-session does that already."""
    parts = given(request, BodyParts)
    await bodies.receive(request, bodies.NoMembers, parts)
    code = "METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED"
    refused = Refusal(405, code, "POST method requires deferSessionRefresh to be enabled in session config").render()
    refused.headers["Allow"] = "GET, HEAD"
    return refused


@router.get("/list-sessions", responses=bodies.refuses(401, 403))
async def list_sessions(request: Request, now: Now) -> list[SessionView]:
    """The caller's live sessions. This needs a recent sign-in."""
    parts = given(request, CurrentParts)
    current = await require_current(request, parts, now, fresh=True)
    async with parts.database.reading() as session:
        live = await list_live(session, current.account.id, now=now)
    return [SessionView.of(each) for each in live]
