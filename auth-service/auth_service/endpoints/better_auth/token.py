"""GET /token: an access token of the client `web` (RFC 9068), in exchange for a live session."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request, Response

from ...http.direct_routes import DirectRoute
from ...http.parts import given
from ...network.trusted_origins import TrustedOrigins
from ...oauth.errors import OAuthError
from ...store.instants import Clock
from ...tokens.session_tokens import SessionTarget, SessionTokens
from ...tokens.token_status import TokenStatus
from . import bodies
from .current import CurrentParts, require_current
from .refusals import Refusal, unauthorized
from .routes import new_router
from .wire import Wire, render

router = new_router(DirectRoute)
RESOURCE = "resource"


@dataclass(frozen=True)
class SessionTokenParts(CurrentParts):
    clock: Clock
    token_status: TokenStatus
    trusted_origins: TrustedOrigins
    session_tokens: SessionTokens


class Token(Wire):
    token: str


QUERY = {"parameters": [{"name": RESOURCE, "in": "query", "required": False, "schema": {"type": "string"}}]}


@router.get("/token", openapi_extra=QUERY, responses=bodies.refuses(400, 401, 403), response_model=Token)
async def token(request: Request) -> Response:
    """A token for the default API of `web`, or for the `resource` that the query names (RFC 8707)."""
    parts = given(request, SessionTokenParts)
    now = parts.clock()
    current = await require_current(request, parts, now)
    target = await _target(request, parts, now)
    status = await parts.token_status.of_session(current.session, now=now)
    if status is None:
        parts.session_cookies.clear(request)
        raise unauthorized()
    issued = await parts.session_tokens.token_for(current.account, current.session, target, status, now=now)
    return render(Token.model_construct(token=issued), Response())


async def _target(request: Request, parts: SessionTokenParts, now: datetime) -> SessionTarget:
    """What the token is for.

    A page of another origin gets tokens for the default API, and for those that its origin is given. A page that may
    read a person's notes must not thereby pay their bills.

    Raises:
        Refusal: 400 for a resource that `web` may not ask for, 403 for one that a page of this origin may not.
    """
    asked = [resource for resource in request.query_params.getlist(RESOURCE) if resource]
    try:
        target = await parts.session_tokens.target_of(asked, now=now)
    except OAuthError as refusal:
        raise Refusal(400, "INVALID_TARGET", refusal.description) from None
    if not asked:
        return target
    resource, origins = target.audience.identifier, request.headers.getlist("origin")
    may_ask = all(parts.trusted_origins.may_ask_for(origin, resource) for origin in origins)
    if not may_ask and target != await parts.session_tokens.target_of((), now=now):
        raise Refusal(403, "RESOURCE_NOT_ALLOWED", "Pages of this origin may not ask for this resource.")
    return target
