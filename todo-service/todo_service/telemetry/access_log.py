"""One log line, one count and one id per request, and the header fields that every response has.

The id is the gateway's if it is well formed, otherwise a new one.
"""

import asyncio
import re
import secrets
import time

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from . import logs
from .counts import RequestCounts

REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
_PROBES = ("/livez", "/readyz")
_log = structlog.get_logger(__name__)


class AccessLog:
    """The outermost middleware. It sends the id back in X-Request-ID."""

    def __init__(self, app: ASGIApp, counts: RequestCounts) -> None:
        self._app = app
        self._counts = counts
        self._finished: list[dict[str, object]] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = scope["request_id"] = _read_request_id(scope)
        started = time.perf_counter()
        status = 500
        self._counts.active_requests.add()

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                _add_headers(MutableHeaders(raw=message["headers"]), scope, request_id)
            await send(message)

        outside = logs.current_request_id.set(request_id)
        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            route, seconds = getattr(scope.get("route"), "path", None), time.perf_counter() - started
            self._counts.active_requests.add(by=-1)
            self._counts.answered(scope["method"], route or "", status, seconds)
            self._note(scope, route, status, seconds)
            logs.current_request_id.reset(outside)

    def _note(self, scope: Scope, route: str | None, status: int, seconds: float) -> None:
        """Note the route's template, not the path or query: a path may hold an identifier, a query a secret.

        It is written in the next turn of the event loop, with all other requests that end in this turn.
        """
        client = scope.get("client")
        told = {
            "http.request.method": scope["method"],
            "http.route": route,
            "http.response.status_code": status,
            "duration_ms": round(seconds * 1000, 2),
            "client.address": client[0] if client else None,
        }
        if scope["path"] in _PROBES:
            _log.debug("request", **told)
            return
        if not self._finished:
            asyncio.get_running_loop().call_soon(self._write)
        self._finished.append({**told, "request_id": scope["request_id"]})

    def _write(self) -> None:
        finished, self._finished = self._finished, []
        logs.write_requests(__name__, finished)


def _read_request_id(scope: Scope) -> str:
    sent: bytes = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return sent.decode() if REQUEST_ID.fullmatch(sent) else secrets.token_hex(16)


def _add_headers(headers: MutableHeaders, scope: Scope, request_id: str) -> None:
    headers["X-Request-ID"] = request_id
    headers["X-Content-Type-Options"] = "nosniff"
    if scope["path"].startswith("/api/"):  # personal data, and errors that depend on the caller
        headers["Cache-Control"] = "private, no-store"
