"""GET /token: an access token for the todo API (RFC 9068), in exchange for a live session."""

from dataclasses import dataclass

from fastapi import Request, Response

from ...http.direct_routes import DirectRoute
from ...http.parts import given
from ...store.instants import Clock
from ...tokens.session_tokens import SessionTokens
from ...tokens.token_status import TokenStatus
from . import bodies
from .current import CurrentParts, require_current
from .refusals import unauthorized
from .routes import new_router
from .wire import Wire, render

router = new_router(DirectRoute)


@dataclass(frozen=True)
class SessionTokenParts(CurrentParts):
    clock: Clock
    token_status: TokenStatus
    session_tokens: SessionTokens


class Token(Wire):
    token: str


@router.get("/token", responses=bodies.refuses(401), response_model=Token)
async def token(request: Request) -> Response:
    parts = given(request, SessionTokenParts)
    now = parts.clock()
    current = await require_current(request, parts, now)
    status = await parts.token_status.of_session(current.session, now=now)
    if status is None:
        parts.session_cookies.clear(request)
        raise unauthorized()
    issued = parts.session_tokens.token_for(current.account, current.session, status, now=now)
    return render(Token.model_construct(token=issued), Response())
