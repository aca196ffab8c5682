"""A real nginx on a free port, in front of two stand-ins for the services."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from deploy import authority
from deploy.local.ports import free_port
from gateway import nginx, render
from gateway.tests import upstream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

TRUSTED_ORIGIN = "http://app.example.com"
PATIENCE = 60  # seconds: a busy machine is late


@dataclass(frozen=True)
class Response:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def values(self, name: str) -> list[str]:
        """The values of all occurrences of a header."""
        return self.headers.get_all(name) or []


@dataclass(frozen=True)
class RunningGateway:
    port: int
    folder: Path
    auth: upstream.Upstream
    todo: upstream.Upstream
    process: subprocess.Popen[bytes]

    @property
    def host(self) -> str:
        return f"localhost:{self.port}"

    @property
    def log(self) -> str:
        return (self.folder / "gateway.log").read_text(encoding="utf-8")

    def request(
        self,
        path: str,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        *,
        body: bytes | None = None,
        source: str = "127.0.0.1",
    ) -> Response:
        """Send one request on a new connection, from an address of the loopback network."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE, source_address=(source, 0))
        with closing(connection):
            connection.request(method, path, body, {"Host": self.host, **(headers or {})})
            answer = connection.getresponse()
            return Response(answer.status, answer.headers, answer.read())

    def statuses(self, count: int, path: str, method: str = "GET", *, source: str, **headers: str) -> list[int]:
        return [self.request(path, method, headers, source=source).status for _ in range(count)]

    def change(self, name: str, old: str, new: str) -> None:
        """Change the configuration, reload, and wait until all old workers have ended."""
        file = self.folder / name
        text = file.read_text(encoding="utf-8")
        assert old in text
        file.write_text(text.replace(old, new), encoding="utf-8")
        # The cache's process starts after the last worker. A worker that starts later than `before` would be missed.
        wait_until(lambda: len(self.workers()) > (os.cpu_count() or 1))
        before = self.workers()
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: not self.workers() & before)

    def workers(self) -> set[str]:
        listing = subprocess.run(["ps", "-A", "-o", "ppid=,pid="], capture_output=True, text=True, check=True).stdout
        return {pid for parent, pid in map(str.split, listing.splitlines()) if parent == str(self.process.pid)}

    def raw(self, sent: bytes) -> Response:
        """Send bytes that no client library would send."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            connection.sendall(sent)
            with closing(http.client.HTTPResponse(connection)) as answer:
                answer.begin()
                return Response(answer.status, answer.headers, answer.read())


@pytest.fixture(scope="session")
def nginx_program() -> str:
    program = nginx.find()
    if program is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)("nginx is not installed")
    return program


@pytest.fixture(scope="session")
def services() -> Iterator[tuple[upstream.Upstream, upstream.Upstream]]:
    with upstream.serve() as auth, upstream.serve() as todo:
        yield auth, todo


@contextmanager
def running(program: str, folder: Path, configuration: render.Gateway) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """Run nginx on a free port until the end of the block."""
    port = free_port()
    issuer = configuration.issuer or f"http://localhost:{port}"
    render.write(replace(configuration, issuer=issuer, listen=[f"127.0.0.1:{port}"]), folder)
    with (folder / "gateway.log").open("ab") as log:
        process = subprocess.Popen(nginx.command(program, folder), stdout=log, stderr=log, start_new_session=True)
    try:
        wait_until_open(port, process, folder)
        yield port, process
    finally:
        process.send_signal(signal.SIGQUIT)
        process.wait(PATIENCE)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen within {PATIENCE} s"
        time.sleep(0.01)


@contextmanager
def deaf_port(port: int = 0) -> Iterator[int]:
    """A port that refuses every connection, reserved until the end of the block."""
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", port))
        yield holder.getsockname()[1]


def wait_until_open(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    pytest.fail((folder / "gateway.log").read_text(encoding="utf-8"))


@dataclass
class Starter:
    """Starts gateways that differ from the usual one, and stops each at the end of its block."""

    program: str
    services: tuple[upstream.Upstream, upstream.Upstream]
    folders: Callable[[], Path]
    configuration: render.Gateway = field(init=False)

    def __post_init__(self) -> None:
        auth, todo = self.services
        self.configuration = render.Gateway(
            nginx_version=nginx.version(self.program),
            issuer="",
            listen=[],
            auth_upstream=f"127.0.0.1:{auth.port}",
            todo_upstream=f"127.0.0.1:{todo.port}",
            limits=None,
            trusted_origins=[TRUSTED_ORIGIN],
            upstream_timeout=f"{PATIENCE}s",
            open_files=nginx.open_files(),
        )

    @contextmanager
    def start(self, **differences: Any) -> Iterator[RunningGateway]:
        folder = self.folders()
        for service in self.services:
            service.forget()
        configuration = replace(self.configuration, worker_user=nginx.worker_user(folder), **differences)
        if configuration.tls:
            authority.certify(folder, folder / "tls", ["localhost", "127.0.0.1"], now=datetime.now(UTC))
        with running(self.program, folder, configuration) as (port, process):
            yield RunningGateway(port, folder, *self.services, process)


@pytest.fixture(scope="session")
def starter(
    nginx_program: str,
    services: tuple[upstream.Upstream, upstream.Upstream],
    tmp_path_factory: pytest.TempPathFactory,
) -> Starter:
    return Starter(nginx_program, services, lambda: tmp_path_factory.mktemp("nginx"))


@pytest.fixture(scope="session")
def unlimited(starter: Starter) -> Iterator[RunningGateway]:
    with starter.start() as gateway:
        yield gateway


@pytest.fixture(scope="session")
def impatient_one(starter: Starter) -> Iterator[RunningGateway]:
    with starter.start(upstream_timeout="1s") as gateway:
        yield gateway


@pytest.fixture
def impatient(impatient_one: RunningGateway) -> RunningGateway:
    """The gateway that waits at most one second for a service."""
    impatient_one.auth.forget()
    impatient_one.todo.forget()
    return impatient_one


@pytest.fixture
def gateway(unlimited: RunningGateway) -> RunningGateway:
    """The usual gateway without limits, in front of services without requests from earlier tests."""
    unlimited.auth.forget()
    unlimited.todo.forget()
    return unlimited
