"""GET /get-session, the hottest path of all: one indexed read, and one signature a second. GET /list-sessions."""

from fastapi import Request, Response

from ..browser_sessions import list_live
from ..current_session import find_current
from ..dependencies import Now, PartsDep, parts_of
from ..session_cookies import EXPOSED_HEADERS
from . import bodies
from .bodies import BODY_REFUSALS
from .current import require_current
from .refusals import Refusal
from .routes import new_router
from .wire import SessionView, UserView, Wire, render

router = new_router()
QUERY = {
    "parameters": [
        {"name": name, "in": "query", "required": False, "schema": {"type": "string"}}
        for name in ("disableCookieCache", "disableRefresh")
    ]
}


class SessionAndUser(Wire):
    session: SessionView
    user: UserView


@router.get("/get-session", openapi_extra=QUERY, response_model=SessionAndUser | None)
async def get_session(request: Request) -> Response:
    """The session and its user, or null for nobody: asking who one is is no error.

    `set-auth-jwt` carries an access token, so that a client needs no second request for one.
    """
    parts, response = parts_of(request), Response(headers={"Pragma": "no-cache"})
    now = parts.clock()
    # Any text is a yes, "false" too: the original reads it as JavaScript does.
    may_slide = not request.query_params.get("disableRefresh")
    current = await find_current(request, response, parts, now, may_slide=may_slide)
    if current is None:
        return render(None, response)
    response.headers["set-auth-jwt"] = parts.session_tokens.token_for(current.account, current.session, now=now)
    response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
    session, user = SessionView.of(current.session), UserView.of(current.account)
    return render(SessionAndUser.model_construct(session=session, user=user), response)


@router.post(
    "/get-session", openapi_extra=bodies.document(bodies.NoMembers), responses=bodies.refuses(*BODY_REFUSALS, 405)
)
async def refresh_session(request: Request, parts: PartsDep) -> Response:
    """Refused: what the client would send here, were sessions not prolonged by asking for them."""
    await bodies.receive(request, bodies.NoMembers, parts)
    code = "METHOD_NOT_ALLOWED_DEFER_SESSION_REQUIRED"
    refused = Refusal(405, code, "POST method requires deferSessionRefresh to be enabled in session config").render()
    refused.headers["Allow"] = "GET"
    return refused


@router.get("/list-sessions", responses=bodies.refuses(401, 403))
async def list_sessions(request: Request, response: Response, parts: PartsDep, now: Now) -> list[SessionView]:
    """The live sessions of the person who asks, who has signed in not long ago."""
    current = await require_current(request, response, parts, now, fresh=True)
    async with parts.database.reading() as session:
        live = await list_live(session, current.account.id, now=now)
    return [SessionView.of(each) for each in live]
