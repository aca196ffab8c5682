"""GET /get-session, the hottest path of all: one indexed read, and at most one signature per second and session."""

from dataclasses import dataclass

from fastapi import Request, Response

from ...http.current_session import SessionParts, find_current_if_clear
from ...http.direct_routes import DirectRoute
from ...http.parts import given
from ...store.instants import Clock
from ...tokens.session_tokens import SessionTokens
from ...tokens.token_status import TokenStatus
from .cross_origin import EXPOSED_HEADERS
from .routes import new_router
from .wire import SessionView, UserView, Wire, render

router = new_router(DirectRoute)
QUERY = {
    "parameters": [
        {"name": name, "in": "query", "required": False, "schema": {"type": "string"}}
        for name in ("disableCookieCache", "disableRefresh")
    ]
}


@dataclass(frozen=True)
class GetSessionParts(SessionParts):
    clock: Clock
    token_status: TokenStatus
    session_tokens: SessionTokens


class SessionAndUser(Wire):
    session: SessionView
    user: UserView


@router.get("/get-session", openapi_extra=QUERY, response_model=SessionAndUser | None)
async def get_session(request: Request) -> Response:
    """The session and its user, or null if nobody is signed in.

    `set-auth-jwt` carries an access token, so that a client needs no second request for one.
    """
    parts, response = given(request, GetSessionParts), Response(headers={"Pragma": "no-cache"})
    now = parts.clock()
    # Any text except "" is true, even "false": Better Auth's own server reads it as JavaScript does.
    may_slide = not request.query_params.get("disableRefresh")
    current = await find_current_if_clear(request, parts, now, may_slide=may_slide)
    status = None if current is None else await parts.token_status.of_session(current.session, now=now)
    if current is None or status is None:
        return render(None, response)
    target = await parts.session_tokens.target_of((), now=now)
    token = await parts.session_tokens.token_for(current.account, current.session, target, status, now=now)
    response.headers["set-auth-jwt"] = token
    response.headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
    session, user = SessionView.of(current.session), UserView.of(current.account)
    return render(SessionAndUser.model_construct(session=session, user=user), response)
