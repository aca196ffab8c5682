"""Bodies are not spooled to the file system, which has 64 MB in a container (rule G5 in README.md)."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from gateway.tests.conftest import wait_until
from gateway.tests.upstream import Answer

if TYPE_CHECKING:
    from gateway.tests.conftest import RunningGateway, Starter

LONG = 24 * 2**20  # octets, more than sockets and nginx's buffers hold
PATH = "/api/v1/export"


pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs a list of nginx's open files")


def spooled(gateway: RunningGateway) -> list[str]:
    """Temporary files with bodies. nginx removes their names at once, so they are found among its open files."""
    links = [link for worker in gateway.workers() for link in Path(f"/proc/{worker}/fd").iterdir() if link.is_symlink()]
    named = [str(link.readlink()) for link in links if link.is_symlink()]
    return [name for name in named if name.startswith((f"{gateway.folder}/proxied", f"{gateway.folder}/body"))]


def test_response_to_a_slow_reader_waits_in_the_service(starter: Starter) -> None:
    """nginx would read all of it into a file, and cut it with status 200 when the file system is full."""
    body = b"0123456789abcdef" * (LONG // 16)
    with starter.start() as gateway:
        gateway.todo.answers[PATH] = Answer(body=body)
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as client:
            client.sendall(f"GET {PATH} HTTP/1.1\r\nHost: {gateway.host}\r\nConnection: close\r\n\r\n".encode())
            received = b""
            while part := client.recv(2**16):
                if len(received) < 2**20:  # slowly at first: the service would be done by now, if nginx took it all
                    time.sleep(0.01)
                    assert spooled(gateway) == []
                received += part
        assert received.partition(b"\r\n\r\n")[2] == body


def test_largest_unfinished_body_is_in_memory(starter: Starter) -> None:
    with starter.start() as gateway, socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as client:
        head = f"POST /api/v1/todos HTTP/1.1\r\nHost: {gateway.host}\r\nContent-Length: 262144\r\n"
        client.sendall(f"{head}Connection: close\r\n\r\n".encode() + b"x" * 262143)
        assert gateway.request("/api/v1/todos").status == 200
        assert spooled(gateway) == []
        client.sendall(b"x")
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
        wait_until(lambda: gateway.todo.seen[-1]["size"] == 262144)
        assert spooled(gateway) == []
