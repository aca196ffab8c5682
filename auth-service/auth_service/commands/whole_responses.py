"""One system call for each response that is written at once, rather than one for its head and one for its body.

uvicorn writes them apart, and uvloop sends what is written. A packet, and a wake-up of whoever reads, for each half
cost more than most of what an answer is made of.
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
    """Holds a response's head until its body is written, for one turn of the event loop at most.

    So the head of a stream that has nothing to say yet still leaves; and if a part of a body looks like a head, it
    leaves as late as that, in its place.
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
