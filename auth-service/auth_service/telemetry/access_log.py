"""One log line, one count and one id per request; polls are only counted.

The id is the gateway's if it is well formed, otherwise a new one.
"""

import asyncio
import re
import secrets
import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import logs
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


class AccessLog:
    """The outermost middleware. It sends the id back in X-Request-Id."""

    def __init__(self, app: ASGIApp, counts: RequestCounts) -> None:
        self._app = app
        self._counts = counts
        self._finished: list[dict[str, object]] = []

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

        outside = logs.current_request_id.set(request_id)
        try:
            await self._app(scope, receive, send_with_id)
        finally:
            logs.current_request_id.reset(outside)
            route, seconds = getattr(scope.get("route"), "path", None), time.perf_counter() - started
            self._counts.active_requests.add(by=-1)
            self._counts.answered(scope["method"], route or "", status, seconds)
            if status >= 400 or route not in POLLED:
                self._note(scope, request_id, route, status, seconds)

    def _note(self, scope: Scope, request_id: str, route: str | None, status: int, seconds: float) -> None:
        """Note the route's template, not the path or query: a path may hold an identifier, a query a secret.

        It is written in the next turn of the event loop, with all other requests that end in this turn.
        """
        if not self._finished:
            asyncio.get_running_loop().call_soon(self._write)
        client = scope.get("client")
        self._finished.append(
            {
                "http.request.method": scope["method"],
                "http.route": route,
                "http.response.status_code": status,
                "duration_ms": round(seconds * 1000, 2),
                "client.address": client[0] if client else None,
                "request_id": request_id,
            }
        )

    def _write(self) -> None:
        finished, self._finished = self._finished, []
        logs.write_requests("access", finished)


def _read_request_id(scope: Scope) -> str:
    sent: bytes = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return sent.decode() if REQUEST_ID.fullmatch(sent) else secrets.token_hex(16)
