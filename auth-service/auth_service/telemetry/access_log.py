"""One log line, one count and one id per request; polls are only counted.

The id is the gateway's if it is well formed, otherwise a new one.
"""

import asyncio
import re
import secrets
import time

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .counts import RequestCounts

# Probes, and what every verifier fetches all the time. They are counted (/metrics) and not logged, unless refused.
POLLED = frozenset(
    {
        "/livez",
        "/readyz",
        "/.well-known/jwks.json",
        "/oauth/status-lists",
        "/oauth/status-lists/{list_id}",
        "/internal/verifiers",
        "/internal/status-list-hints",
    }
)
REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_log = structlog.get_logger("access")


class AccessLog:
    """The outermost middleware. It sends the id back in X-Request-Id."""

    def __init__(self, app: ASGIApp, counts: RequestCounts) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _read_request_id(scope)
        started = time.perf_counter()
        status = 500
        self._counts.active_requests.add()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        outside = structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            route, seconds = getattr(scope.get("route"), "path", None), time.perf_counter() - started
            self._counts.active_requests.add(by=-1)
            self._counts.answered(scope["method"], route or "", status, seconds)
            # Deferred to the next turn of the event loop, where the lines are written in a row: half the cost.
            asyncio.get_running_loop().call_soon(_write, scope, route, status, seconds)
            structlog.contextvars.reset_contextvars(**outside)


def _read_request_id(scope: Scope) -> str:
    sent: bytes = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return sent.decode() if REQUEST_ID.fullmatch(sent) else secrets.token_hex(16)


def _write(scope: Scope, route: str | None, status: int, seconds: float) -> None:
    """Log the route's template, not the path or query: a path may hold an identifier, a query a secret."""
    if status < 400 and route in POLLED:
        return
    client = scope.get("client")
    _log.info(
        "request",
        **{
            "http.request.method": scope["method"],
            "http.route": route,
            "http.response.status_code": status,
            "duration_ms": round(seconds * 1000, 2),
            "client.address": client[0] if client else None,
        },
    )
