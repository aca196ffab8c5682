"""Reload, stop and monitor a gateway in use (rules G16 and G17 in README.md)."""

from __future__ import annotations

import http.client
import re
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from deploy.local.ports import free_port
from gateway.tests.conftest import wait_until
from gateway.tests.upstream import Answer

if TYPE_CHECKING:
    from gateway.tests.conftest import RunningGateway, Starter

TODOS = "/api/v1/todos"


def ask_until(finished: threading.Event, gateway: RunningGateway) -> list[int]:
    statuses = []
    while not finished.is_set():
        statuses.append(gateway.request(TODOS).status)
    return statuses


def test_reloads_lose_no_request(starter: Starter) -> None:
    finished = threading.Event()
    with starter.start() as gateway, ThreadPoolExecutor(4) as callers:
        asking = [callers.submit(ask_until, finished, gateway) for _ in range(4)]
        for number in range(3):
            before, after = f"keepalive_timeout {65 + number}s;", f"keepalive_timeout {66 + number}s;"
            gateway.change("nginx.conf", before, after)
            enough = 20 * (number + 1)
            wait_until(lambda: len(gateway.todo.paths) > enough)  # noqa: B023 - called before the next round
        finished.set()
        statuses = [status for each in asking for status in each.result()]
    assert set(statuses) == {200}


def test_reload_of_a_broken_configuration_changes_nothing(starter: Starter) -> None:
    with starter.start() as gateway:
        assert gateway.request(TODOS).status == 200
        before = gateway.workers()
        (gateway.folder / "limits.conf").write_text("limit_req_status none;", encoding="utf-8")
        gateway.process.send_signal(signal.SIGHUP)
        wait_until(lambda: "[emerg]" in gateway.log)
        assert gateway.request(TODOS).status == 200
        assert before <= gateway.workers()


def test_stop_waits_for_the_answers_that_are_due(starter: Starter) -> None:
    with starter.start() as gateway, ThreadPoolExecutor(1) as caller:
        may_go = threading.Event()
        gateway.todo.answers[TODOS] = Answer(may_go=may_go)
        asked = caller.submit(gateway.request, TODOS)
        wait_until(lambda: gateway.todo.seen != [])
        gateway.process.send_signal(signal.SIGQUIT)
        wait_until(lambda: is_deaf(gateway.port))
        may_go.set()
        assert asked.result().status == 200
        assert gateway.process.wait(60) == 0


def is_deaf(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_body_that_stops_arriving_is_cut_off(starter: Starter) -> None:
    """It occupies no connection to a service, either."""
    with starter.start() as gateway:
        gateway.change("nginx.conf", "client_body_timeout 10s;", "client_body_timeout 1s;")
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as client:
            head = f"POST {TODOS} HTTP/1.1\r\nHost: {gateway.host}\r\nContent-Length: 100\r\n\r\n"
            client.sendall(head.encode() + b"x")
            with pytest.raises(ConnectionResetError):
                client.recv(1)
        assert gateway.todo.seen == []


def test_counters_are_for_the_machine_itself(starter: Starter) -> None:
    port = free_port()
    with starter.start(status_listen=f"127.0.0.1:{port}") as gateway:
        for source, status in (("127.0.0.1", 200), ("127.0.0.9", 403)):
            own = http.client.HTTPConnection("127.0.0.1", port, timeout=60, source_address=(source, 0))
            with closing(own) as connection:
                connection.request("GET", "/nginx_status")
                answer = connection.getresponse()
                assert answer.status == status
                text = answer.read().decode()
            assert bool(re.match(r"Active connections: \d+", text)) is (status == 200)
        assert gateway.request("/nginx_status").status == 404
