"""A stream of events is passed on part by part, and has a limit of its own (rule G15 in README.md)."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from gateway import limits as gateway_limits
from gateway.limits import Limits
from gateway.tests.upstream import Answer

if TYPE_CHECKING:
    from gateway.tests.conftest import RunningGateway, Starter

EVENTS = "/api/v1/events"
PART = b"id: 17\nevent: changes\ndata: {}\n\n"
# The stand-in says that more is to come, and sends no more.
UNFINISHED = Answer(headers={"Content-Type": "text/event-stream", "Content-Length": "1000"}, body=PART)


def listen(stack: ExitStack, gateway: RunningGateway, path: str = EVENTS) -> socket.socket:
    connection = stack.enter_context(socket.create_connection(("127.0.0.1", gateway.port), timeout=60))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {gateway.host}\r\n\r\n".encode())
    return connection


def receive(connection: socket.socket) -> bytes:
    received = b""
    while not received.partition(b"\r\n\r\n")[2] and (part := connection.recv(4096)):
        received += part
    return received


@pytest.mark.parametrize("path", [EVENTS, "/api/v1/users/u1/events"])
def test_each_part_is_passed_on_at_once(gateway: RunningGateway, path: str) -> None:
    """A gateway that buffered would keep it until the stream ends."""
    gateway.todo.answers[path] = UNFINISHED
    with ExitStack() as stack:
        assert receive(listen(stack, gateway, path)).endswith(PART)


def test_open_streams_do_not_count_as_requests_in_progress(starter: Starter, monkeypatch: pytest.MonkeyPatch) -> None:
    """They have a limit of their own, so that an office's streams do not keep its people from their todos."""
    monkeypatch.setattr(gateway_limits, "STREAMS_OF_ONE", 3)
    with starter.start(limits=Limits(connections=1)) as gateway, ExitStack() as stack:
        gateway.todo.answers[EVENTS] = UNFINISHED
        streams = [receive(listen(stack, gateway)) for _ in range(3)]
        assert all(each.startswith(b"HTTP/1.1 200") for each in streams)
        assert gateway.request("/api/v1/todos").status == 200
        refused = receive(listen(stack, gateway))
        assert refused.startswith(b"HTTP/1.1 429")
        assert b"application/problem+json" in refused
