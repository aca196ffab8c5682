"""CORS for clients' own pages (the Fetch standard's CORS protocol), at the endpoints in `PATHS` only.

Requests with cookies are not allowed, because these endpoints read none. The authorization endpoint must not have CORS
(RFC 9700 §2.6): no page may read a response that is meant for a navigation.
"""

from dataclasses import dataclass

from fastapi import Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ..clients.origins import ClientOrigins
from ..store.instants import Clock
from .parts import Given, given_by

PATHS = frozenset({f"/oauth/{each}" for each in ("token", "userinfo", "revoke", "par", "device_authorization")})
PREFLIGHT_MAX_AGE = 600  # seconds
EXPOSED_HEADERS = "WWW-Authenticate, Retry-After, RateLimit, RateLimit-Policy, DPoP-Nonce"


@dataclass(frozen=True)
class ClientCrossOriginParts(Given):
    clock: Clock
    client_origins: ClientOrigins


class ClientCrossOrigin:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        origin = _find_origin(scope) if scope["type"] == "http" and scope["path"] in PATHS else None
        if origin is None:
            await self._app(scope, receive, send)
            return
        parts = given_by(scope["app"], ClientCrossOriginParts)
        is_known = await parts.client_origins.knows(origin, now=parts.clock())

        async def send_with_cors(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.add_vary_header("Origin")
                if is_known:
                    headers["Access-Control-Allow-Origin"] = origin
                    headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
            await send(message)

        if scope["method"] == "OPTIONS" and "access-control-request-method" in Headers(scope=scope):
            await _preflight(is_known=is_known)(scope, receive, send_with_cors)
        else:
            await self._app(scope, receive, send_with_cors)


def _find_origin(scope: Scope) -> str | None:
    """The Origin header. Most requests have none, and `Headers.get` would raise and catch an exception for them."""
    return next((value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"), None)


def _preflight(*, is_known: bool) -> Response:
    """The answer to a preflight. An unknown origin gets no CORS headers, so its browser does not send the request."""
    if not is_known:
        return Response(status_code=204)
    allowed = {
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": "authorization, content-type, dpop",
        "Access-Control-Max-Age": str(PREFLIGHT_MAX_AGE),
    }
    return Response(status_code=204, headers=allowed)
