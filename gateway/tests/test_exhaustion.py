"""Unfinished requests cannot use up all connections (rule G5 in README.md)."""

from __future__ import annotations

import resource
import socket
import time
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

import pytest
from gateway import nginx
from gateway.limits import Limits
from gateway.tests.upstream import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.tests.conftest import RunningGateway, Starter

COUNT = 2100
HEADS = {
    "part of a request line": b"GET /healthz HTT",
    "a body that never comes": b"POST /api/v1/todos HTTP/1.1\r\nHost: %s\r\nContent-Length: 9\r\n\r\n",
}


@contextmanager
def descriptors(wanted: int) -> Iterator[None]:
    """Raise the limit of open files: the test holds the other end of each connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"at most {hard} files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@contextmanager
def unfinished(gateway: RunningGateway, head: bytes, count: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        opened = []
        for _ in range(count):
            opened.append(stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port), timeout=60)))
            opened[-1].sendall(head)
        yield opened


@pytest.mark.parametrize("case", HEADS)
def test_two_thousand_unfinished_requests_leave_room(starter: Starter, case: str) -> None:
    with descriptors(COUNT + 500), starter.start(limits=Limits()) as gateway:
        head = HEADS[case].replace(b"%s", gateway.host.encode())
        with unfinished(gateway, head, COUNT):
            assert gateway.request("/healthz", source="127.0.20.1").status == 200


def test_workers_take_no_more_files_than_they_may(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise each worker logs an alert, which is not JSON."""
    for hard, expected in ((1024, 1024), (1 << 20, 16384), (resource.RLIM_INFINITY, 16384)):
        monkeypatch.setattr("resource.getrlimit", lambda _which, hard=hard: (256, hard))
        assert nginx.open_files() == expected


def test_out_of_connections_nothing_of_a_request_is_logged(starter: Starter) -> None:
    """nginx's alert would contain the request line."""
    with starter.start(open_files=64) as gateway:
        gateway.change("nginx.conf", "worker_processes auto;", "worker_processes 1;")
        gateway.todo.answers["/api/v1/todos"] = Answer(delay=0.5)
        head = f"GET /api/v1/todos?token=eyJ HTTP/1.1\r\nHost: {gateway.host}\r\n".encode()
        with unfinished(gateway, head, 40) as opened:  # of the 48 that it has
            time.sleep(0.2)
            for connection in opened:
                connection.sendall(b"\r\n")
            statuses = set(map(first_line, opened))
    assert b"HTTP/1.1 500 Internal Server Error\r\n" in statuses
    assert "eyJ" not in gateway.log


def first_line(connection: socket.socket) -> bytes:
    with suppress(OSError), connection.makefile("rb") as answer:
        return answer.readline()
    return b""
