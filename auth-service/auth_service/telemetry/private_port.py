"""A small HTTP server for probes and Prometheus on an internal port. It answers GET on a few paths.

It uses no web framework, which would double a worker's memory.
"""

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

REQUEST_TIMEOUT = 5  # seconds, for request and response


class CannotListen(Exception):
    """The reason, as one line for the terminal."""


@dataclass(frozen=True)
class Answer:
    status: str = "200 OK"
    text: str = ""
    media_type: str = "text/plain; charset=utf-8"

    def octets(self) -> bytes:
        body = self.text.encode()
        head = f"Content-Type: {self.media_type}\r\nContent-Length: {len(body)}\r\nCache-Control: no-store"
        return f"HTTP/1.1 {self.status}\r\n{head}\r\nConnection: close\r\n\r\n".encode() + body


NOT_FOUND = Answer("404 Not Found")
Give = Callable[[], Awaitable[Answer]]


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises CannotListen if the address is not on this machine or the port is in use."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise CannotListen(f"cannot listen on {host} port {port}: {os.strerror(error.errno or 0)}") from error


@dataclass(frozen=True)
class PrivatePort:
    """The answers by path. The query is ignored."""

    answers: Mapping[str, Give]

    async def start(self, listener: socket.socket) -> asyncio.Server:
        return await asyncio.start_server(self._answer, sock=listener)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(REQUEST_TIMEOUT):  # a TimeoutError is an OSError
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write((await self._find(head)).octets())
                await writer.drain()
        writer.close()

    async def _find(self, head: bytes) -> Answer:
        match head.split(b"\r\n", 1)[0].split(b" "):
            case [b"GET", target, _] if give := self.answers.get(target.decode("latin-1").partition("?")[0]):
                return await give()
        return NOT_FOUND
