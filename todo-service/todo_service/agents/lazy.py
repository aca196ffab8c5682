"""Loads the SDK's server with the first request that needs it, in a thread, and runs it until the process ends."""

import asyncio
from importlib import import_module
from typing import TYPE_CHECKING

from fastapi import Request, Response

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
    from starlette.types import Message


class LazyServer:
    """For one event loop."""

    def __init__(self) -> None:
        self._is_wanted = asyncio.Event()
        self._manager: asyncio.Future[StreamableHTTPSessionManager] = asyncio.get_running_loop().create_future()

    async def run_forever(self) -> None:
        await self._is_wanted.wait()
        from .server import build  # imported before, in a thread

        manager = build()
        async with manager.run():
            self._manager.set_result(manager)
            await asyncio.Event().wait()

    async def answer(self, request: Request, body: bytes) -> Response:
        """The SDK's answer to a message. Its body is read already."""
        if not self._manager.done():
            await asyncio.to_thread(import_module, ".server", __package__)
            self._is_wanted.set()
        manager = await asyncio.shield(self._manager)  # a client that hangs up must not cancel it for the others
        collected = _Collected(request, body)
        await manager.handle_request(request.scope, collected.receive, collected.send)
        return collected.response()


class _Collected:
    """What the SDK reads and sends, which is one whole response: it is told to send no streams."""

    def __init__(self, request: Request, body: bytes) -> None:
        self._request = request
        self._unread: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
        self._status, self._headers, self._body = 500, list[tuple[bytes, bytes]](), bytearray()

    async def receive(self) -> "Message":
        return self._unread.pop() if self._unread else await self._request.receive()

    async def send(self, message: "Message") -> None:
        if message["type"] == "http.response.start":
            self._status, self._headers = message["status"], list(message["headers"])
        else:
            self._body += message.get("body", b"")

    def response(self) -> Response:
        response = Response(bytes(self._body), self._status)
        own = {b"content-length"}
        response.raw_headers += [(name, value) for name, value in self._headers if name.lower() not in own]
        return response
