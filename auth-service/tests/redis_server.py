"""A Redis that tests may break: a container if an engine has the image, otherwise Debian's server."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import redis

from .ports import free_port
from .postgres_server import has_image
from .waiting import wait_until

IMAGE = "redis:8"
PASSWORD = "a password: with/special@characters"
ENCODED = "a%20password%3A%20with%2Fspecial%40characters"


@dataclass(frozen=True)
class RedisServer:
    """A running server, and the ways to disturb it."""

    port: int
    kill: Callable[[], None]
    start: Callable[[], None]
    pause: Callable[[], None]
    resume: Callable[[], None]

    def url(self, scheme: str = "redis", password: str = ENCODED) -> str:
        return f"{scheme}://:{password}@127.0.0.1:{self.port}"

    @contextmanager
    def client(self) -> Iterator["redis.Redis"]:
        with redis.Redis(port=self.port, password=PASSWORD, socket_timeout=10) as client:
            yield client

    def counted(self, key: str) -> int:
        with self.client() as client:
            return int(client.get(f"auth:requests:{key}") or 0)

    def answers(self) -> bool:
        try:
            with self.client() as client:
                client.ping()
        except redis.RedisError:
            return False
        return True


@contextmanager
def running_redis(*options: str) -> Iterator[RedisServer]:
    """A server with a password that stores nothing on disk."""
    port = free_port()
    options = ("--save", "", "--appendonly", "no", "--requirepass", PASSWORD, *options)
    with (_in_container if has_image(IMAGE) else _installed)(port, options) as server:
        wait_until(server.answers)
        yield server


@contextmanager
def running_encrypted_redis(certificate: Path, ca_file: Path) -> Iterator[tuple[RedisServer, str]]:
    """A server and its TLS URL. It is always the installed server, because it must read the certificate's files."""
    port = free_port()
    files = (
        "--tls-cert-file",
        str(certificate),
        "--tls-key-file",
        str(certificate),
        "--tls-ca-cert-file",
        str(ca_file),
    )
    options = ("--save", "", "--requirepass", PASSWORD, "--tls-port", str(port), "--tls-auth-clients", "no", *files)
    with _installed(free_port(), options) as server:
        wait_until(server.answers)
        yield server, f"rediss://:{ENCODED}@localhost:{port}"


@contextmanager
def _in_container(port: int, options: tuple[str, ...]) -> Iterator[RedisServer]:
    os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"
    from testcontainers.core.container import DockerContainer

    described = DockerContainer(IMAGE).with_command(["redis-server", *options]).with_bind_ports(6379, port)
    with described as container:
        wrapped: Any = container.get_wrapped_container()
        try:
            yield RedisServer(port, wrapped.kill, wrapped.start, wrapped.pause, wrapped.unpause)
        finally:
            wrapped.reload()
            if wrapped.status == "paused":
                wrapped.unpause()


@contextmanager
def _installed(port: int, options: tuple[str, ...]) -> Iterator[RedisServer]:
    program = shutil.which("redis-server")
    if program is None:
        missing = "Redis: neither a Docker engine with redis:8 nor Debian's redis-server package is here"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    bus = str(free_port())  # of a cluster node; its own choice is port + 10,000, which nobody reserved
    command = [str(program), "--port", str(port), "--bind", "127.0.0.1", "--cluster-port", bus, *options]
    folder = tempfile.TemporaryDirectory(prefix="auth-service-redis-")  # a cluster node writes its state here
    processes: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        processes.append(subprocess.Popen(command, cwd=folder.name, stdout=subprocess.DEVNULL))

    def kill() -> None:
        processes[-1].kill()
        processes[-1].wait(20)

    def send(number: signal.Signals) -> Callable[[], None]:
        return lambda: processes[-1].send_signal(number)

    start()
    try:
        yield RedisServer(port, kill, start, send(signal.SIGSTOP), send(signal.SIGCONT))
    finally:
        kill()
        folder.cleanup()
