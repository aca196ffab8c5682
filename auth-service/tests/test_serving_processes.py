"""`serve --workers N`: several processes that share one port, and the process that starts, replaces and stops them."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

from .conftest import Store
from .operator_commands import FOLDER
from .ports import free_port
from .test_metrics import scrape
from .waiting import wait_until

pytestmark = pytest.mark.process

FORM = (
    b"POST /oauth/token HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\n\r\n"
)
ANSWERED = {"http_request_method": "GET", "http_route": "/livez", "http_response_status_code": "200"}


class Serving:
    """Two processes of auth-service, and the first one that has started them."""

    def __init__(self, process: "subprocess.Popen[str]", port: int, metrics_port: int) -> None:
        self.process, self.port = process, port
        self.metrics_url = f"http://127.0.0.1:{metrics_port}/metrics"
        self.answers = 0

    def pids(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text(encoding="ascii").split()]

    def ask(self) -> int:
        status = httpx2.get(f"http://127.0.0.1:{self.port}/livez", trust_env=False, timeout=30).status_code
        self.answers += 1
        return status

    def is_ready(self) -> bool:
        try:
            return self.ask() == 200
        except httpx2.TransportError:
            return False

    def counted(self) -> float:
        return scrape(self.metrics_url)("http_server_request_duration_seconds_count", **ANSWERED)

    def under_way(self) -> float:
        return scrape(self.metrics_url)("http_server_active_requests")


@pytest.fixture
def serving(sqlite_url: str) -> Iterator[Serving]:
    port, metrics_port = free_port(), free_port()
    arguments = ("serve", "--port", str(port), "--metrics-port", str(metrics_port), "--workers", "2")
    started = Serving(Store(sqlite_url).started(*arguments), port, metrics_port)
    try:
        wait_until(started.is_ready)
        yield started
    finally:
        started.process.terminate()
        started.process.wait(60)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_each_answers_is_counted_with_the_others_and_replaced(serving: Serving) -> None:
    pids = serving.pids()
    assert len(pids) == 2
    for pid in pids:
        with stopped(pid):  # only the other one can accept the connection
            assert [serving.ask() for _ in range(3)] == [200] * 3
    wait_until(lambda: serving.counted() == serving.answers)
    os.kill(pids[0], signal.SIGKILL)
    wait_until(lambda: len(serving.pids()) == 2 and serving.pids() != pids)
    with stopped(pids[1]):
        assert serving.ask() == 200
    wait_until(lambda: serving.counted() == serving.answers)


def test_each_answers_what_it_has_begun_before_it_ends(serving: Serving) -> None:
    pids = serving.pids()
    begun = []
    for pid in pids:
        with stopped(pid):
            begun.append(socket.create_connection(("127.0.0.1", serving.port)))
            begun[-1].sendall(FORM)
            assert serving.ask() == 200  # accepted after it
    wait_until(lambda: serving.under_way() == len(begun))
    serving.process.terminate()
    for connection in begun:
        with connection:
            wait_until(lambda: not is_open(serving.port))
            connection.sendall(b"a=b")
            assert connection.recv(100).startswith(b"HTTP/1.1 401 ")
    assert serving.process.wait(60) == 0
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []


def is_open(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port)):
            return True
    except OSError:
        return False


def test_they_end_when_the_first_process_is_killed(serving: Serving) -> None:
    """Otherwise they would keep the port, and nobody would stop them."""
    pids = serving.pids()
    serving.process.kill()
    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def test_one_that_cannot_start_ends_all_with_its_message() -> None:
    program = (
        "import sys\n"
        "from auth_service.commands.serving_processes import fork_processes\n"
        "place = fork_processes(2, [])\n"
        "if place.number: sys.exit('cannot start')\n"
        "place.say_ready()\n"
        "import signal; signal.pause()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=FOLDER, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (1, "cannot start\n")
    assert "serving_process_cannot_start" in done.stdout
