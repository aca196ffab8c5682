"""A stand-in for a service. It describes the request that it got, or gives the response that a test has set."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


@dataclass(frozen=True)
class Answer:
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    delay: float = 0
    may_go: threading.Event | None = None


@dataclass
class Upstream:
    """The requests so far, and the responses by path. Any other path gets a description of the request."""

    port: int = 0
    seen: list[dict[str, Any]] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)

    @property
    def paths(self) -> list[str]:
        return [request["path"] for request in self.seen]

    def forget(self) -> None:
        self.seen.clear()
        self.answers.clear()

    def answer_to(self, handler: BaseHTTPRequestHandler) -> Answer:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        account = {
            "method": handler.command,
            "path": handler.path,
            "headers": handler.headers.items(),
            "size": len(body),
        }
        self.seen.append(account)
        path = handler.path.partition("?")[0]
        return self.answers.get(path) or Answer(headers={"X-Echo": "yes"}, body=json.dumps(account).encode())


@contextmanager
def serve(port: int = 0) -> Iterator[Upstream]:
    upstream = Upstream()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: else each answer takes 40 ms

        def respond(self) -> None:
            answer = upstream.answer_to(self)
            time.sleep(answer.delay)
            if answer.may_go:
                answer.may_go.wait(60)
            self.send_response(answer.status)
            for name, value in {"Content-Length": str(len(answer.body)), **answer.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        def __getattr__(self, name: str) -> Callable[[], None]:
            """The standard library calls do_GET, do_POST and so on."""
            if not name.startswith("do_"):
                raise AttributeError(name)
            return self.respond

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name in the standard library
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False
        connections: ClassVar[list[socket.socket]] = []

        def get_request(self) -> tuple[socket.socket, Any]:
            connection, address = super().get_request()
            self.connections.append(connection)
            return connection, address

        def handle_error(self, request: object, client_address: object) -> None:
            """A disconnect by the gateway is not an error."""

    with Server(("127.0.0.1", port), Handler) as server:
        upstream.port = server.server_port
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield upstream
        server.shutdown()
        thread.join()
        for connection in server.connections:  # else those that the gateway keeps open would be served on
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
