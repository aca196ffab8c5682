"""One log line a request, and its id: the gateway's when it is well formed, otherwise our own; echoed to the caller."""

import re
import secrets
import time

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_log = structlog.get_logger("access")


class AccessLog:
    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        sent = Headers(scope=scope).get("x-request-id", "")
        request_id = sent if REQUEST_ID.fullmatch(sent) else secrets.token_hex(16)
        started = time.perf_counter()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_id)
            finally:
                _write(scope, status, time.perf_counter() - started)


def _write(scope: Scope, status: int, seconds: float) -> None:
    """The route's template stands for the path: a path may hold an identifier, and a query may hold a secret."""
    client = scope.get("client")
    _log.info(
        "request",
        **{
            "http.request.method": scope["method"],
            "http.route": getattr(scope.get("route"), "path", None),
            "http.response.status_code": status,
            "duration_ms": round(seconds * 1000, 2),
            "client.address": client[0] if client else None,
        },
    )
