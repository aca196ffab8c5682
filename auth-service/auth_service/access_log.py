"""One log line and one count a request, and its id: the gateway's when it is well formed, otherwise our own."""

import re
import secrets
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .counts import Counts

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_log = structlog.get_logger("access")


class AccessLog:
    """The outermost middleware; the id is echoed to the caller."""

    def __init__(self, app: ASGIApp, counts: Counts) -> None:
        self._app = app
        self._counts = counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = Headers(scope=scope).get("x-request-id", "")
        request_id = sent if REQUEST_ID.fullmatch(sent) else secrets.token_hex(16)
        started = time.perf_counter()
        status = 500
        self._counts.active_requests.add()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                headers.update(scope.get("rate_limit_fields", {}))
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                route, seconds = getattr(scope.get("route"), "path", None), time.perf_counter() - started
                self._counts.active_requests.add(by=-1)
                self._counts.answered(scope["method"], route or "", status, seconds)
                _write(scope, route, status, seconds)


def _write(scope: Scope, route: str | None, status: int, seconds: float) -> None:
    """The route's template stands for the path: a path may hold an identifier, and a query may hold a secret."""
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
