"""An id for every request, a line in the log and a count when it ends, and the headers that every answer has."""

import re
import secrets
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .counts import RequestCounts

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
_PROBES = ("/livez", "/readyz")

_log = structlog.get_logger(__name__)


class RequestLog:
    """Outermost middleware. The log has the route's template, not the path: no id and no query string is in it."""

    def __init__(self, app: ASGIApp, counts: RequestCounts) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = time.perf_counter()
        request_id = scope["request_id"] = _request_id(scope)
        status = 500
        self._counts.active += 1

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                _add_headers(MutableHeaders(raw=message["headers"]), scope, request_id)
            await send(message)

        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        try:
            await self._app(scope, receive, send_with_headers)
        finally:
            route, seconds = getattr(scope.get("route"), "path", None), time.perf_counter() - begun
            self._counts.active -= 1
            self._counts.answered(scope["method"], route or "", status, seconds)
            _write_line(scope, route, status, seconds)


def _request_id(scope: Scope) -> str:
    """The gateway's id where it has one; anything else could be a way to write into our log."""
    given = Headers(scope=scope).get("X-Request-ID", "")
    return given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)


def _add_headers(headers: MutableHeaders, scope: Scope, request_id: str) -> None:
    headers.update(scope.get("rate_limit_fields", {}))
    headers["X-Request-ID"] = request_id
    headers["X-Content-Type-Options"] = "nosniff"
    if scope["path"].startswith("/api/"):  # personal data, and refusals that depend on the caller
        headers["Cache-Control"] = "private, no-store"


def _write_line(scope: Scope, route: str | None, status: int, seconds: float) -> None:
    write = _log.debug if scope["path"] in _PROBES else _log.info
    client = scope.get("client")
    write(
        "request",
        **{
            "http.request.method": scope["method"],
            "http.route": route,
            "http.response.status_code": status,
            "duration_ms": round(seconds * 1000, 2),
            "client.address": client[0] if client else None,
        },
    )
