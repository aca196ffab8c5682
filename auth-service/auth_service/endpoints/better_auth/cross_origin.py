"""CORS below /api/auth: with credentials, and for trusted origins only (the Fetch standard's CORS protocol).

Pages of other origins cannot read the responses. Responses must not be cached, unless the endpoint says otherwise.
"""

from dataclasses import dataclass

from fastapi import Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ...http.outgoing import find_outgoing
from ...http.parts import Given, given_by
from ...network.trusted_origins import TrustedOrigins
from .routes import PREFIX

EXPOSED_HEADERS = "set-auth-token, set-auth-jwt, x-retry-after"
PREFLIGHT_MAX_AGE = 600  # seconds
PUBLIC = f"{PREFIX}/jwks"  # any origin may read it, without credentials; its own route answers their preflights


@dataclass(frozen=True)
class CrossOriginParts(Given):
    trusted_origins: TrustedOrigins


class CrossOrigin:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(f"{PREFIX}/"):
            await self._app(scope, receive, send)
            return
        parts = given_by(scope["app"], CrossOriginParts)
        sent = Headers(scope=scope)

        async def send_with_cors(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.setdefault("Cache-Control", "no-store")
                _hand_over_credential(scope, headers)
                _allow(sent, headers, parts.trusted_origins)
            await send(message)

        is_own = scope["path"] != PUBLIC or parts.trusted_origins.trusts(sent.get("origin", ""))
        if is_own and scope["method"] == "OPTIONS" and "access-control-request-method" in sent:
            await _preflight(sent, parts.trusted_origins)(scope, receive, send_with_cors)
        else:
            await self._app(scope, receive, send_with_cors)


def _hand_over_credential(scope: Scope, headers: MutableHeaders) -> None:
    """Send a new session credential in `set-auth-token`, too, for clients without cookies."""
    outgoing = find_outgoing(scope)
    if outgoing is not None and outgoing.session_credential is not None:
        headers["set-auth-token"] = outgoing.session_credential
        headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS


def _allow(sent: Headers, headers: MutableHeaders, trusted: TrustedOrigins) -> None:
    headers.add_vary_header("Origin")
    origin = sent.get("origin")
    if origin is not None and trusted.trusts(origin):
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Allow-Credentials"] = "true"
        headers["Access-Control-Expose-Headers"] = EXPOSED_HEADERS


def _preflight(sent: Headers, trusted: TrustedOrigins) -> Response:
    """The answer to a preflight. Another origin gets no CORS headers, so its browser does not send the request."""
    if not trusted.trusts(sent.get("origin", "")):
        return Response(status_code=204)
    allowed = {
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": "content-type, authorization",
        "Access-Control-Max-Age": str(PREFLIGHT_MAX_AGE),
    }
    return Response(status_code=204, headers=allowed)
