"""GET /token: an access token for the todo API (RFC 9068), in exchange for a live session. GET /jwks: the key set."""

from fastapi import Request, Response

from ..dependencies import Now, PartsDep
from . import bodies
from .current import require_current
from .routes import new_router
from .wire import Wire

router = new_router()


class Token(Wire):
    token: str


@router.get("/token", responses=bodies.refuses(401))
async def token(request: Request, response: Response, parts: PartsDep, now: Now) -> Token:
    current = await require_current(request, response, parts, now)
    return Token(token=parts.tokens.issue_for_session(current.account, current.session, now=now))
