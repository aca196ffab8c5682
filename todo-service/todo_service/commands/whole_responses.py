"""One system call per response, instead of one for the head and one for the body.

uvicorn writes head and body separately, and uvloop sends each write at once. The second packet, and the reader's second
wake-up, cost more than most of the work for a response.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_HEAD = b"HTTP/1.1 "
_END_OF_HEAD = b"\r\n\r\n"


class WholeResponses(HttpToolsProtocol):
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn itself
        super().connection_made(transport)
        self.transport = HeadHolding(transport, self.loop)


class HeadHolding(asyncio.Transport):
    """Holds a response's head until the body is written, but at most one turn of the event loop.

    So the head of a stream without data yet is still sent. A part of a body that looks like a head is delayed by that
    turn, too; the order of all parts stays.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._held:
            data, self._held = self._held + data, b""
        elif data[:9] == _HEAD and data[-4:] == _END_OF_HEAD:
            self._held = bytes(data)
            self._loop.call_soon(self._release)
            return
        self._transport.write(data)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def close(self) -> None:
        self._release()
        self._transport.close()

    def _release(self) -> None:
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)
