"""CORS for the API and /mcp (rule R26 of VERIFIER.md): with bearer tokens, without cookies.

Only the configured origins are allowed. A preflight request has no token and needs none.
"""

from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PREFIX = "/api/v1/"
MCP = "/mcp"
METHODS = "GET, POST, PATCH, DELETE"
REQUEST_HEADERS = (
    "authorization, content-type, dpop, if-match, if-none-match, idempotency-key, prefer,"
    " mcp-protocol-version, mcp-method, mcp-name"
)
EXPOSED_HEADERS = (
    "WWW-Authenticate, ETag, Link, Location, Retry-After, RateLimit, RateLimit-Policy, Preference-Applied, X-Request-ID"
)
PREFLIGHT_MAX_AGE = 600  # seconds


class CrossOrigin:
    def __init__(self, app: ASGIApp, origins: Iterable[str]) -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not (scope["path"].startswith(PREFIX) or scope["path"] == MCP):
            await self._app(scope, receive, send)
            return
        sent = Headers(scope=scope)
        origin = sent.get("origin", "")
        is_allowed = origin in self._origins

        async def send_with_cors(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.add_vary_header("Origin")
                if is_allowed:
                    headers["Access-Control-Allow-Origin"] = origin
                    headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS
            await send(message)

        if scope["method"] == "OPTIONS" and "access-control-request-method" in sent:
            await _preflight(is_allowed=is_allowed)(scope, receive, send_with_cors)
        else:
            await self._app(scope, receive, send_with_cors)


def _preflight(*, is_allowed: bool) -> Response:
    """The response to a preflight. For another origin it has no CORS fields, so the browser refuses the request."""
    allowed = {
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": REQUEST_HEADERS,
        "Access-Control-Max-Age": str(PREFLIGHT_MAX_AGE),
    }
    return Response(status_code=204, headers=allowed if is_allowed else None)
