"""A Redis for the tests, which may break it: a container where an engine has the image, else the installed server."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import redis

IMAGE = "redis:8"
PASSWORD = "a password: with/special@characters"
ENCODED = "a%20password%3A%20with%2Fspecial%40characters"


class NoRedis(Exception):
    """There is none on this machine."""


@dataclass(frozen=True)
class RedisServer:
    """A running server, and what can be done to it."""

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

    def make_cluster(self) -> None:
        """Of this one node."""
        with self.client() as client:
            client.cluster("ADDSLOTSRANGE", 0, 16383)
            deadline = time.monotonic() + 30
            while client.cluster("INFO")["cluster_state"] != "ok":
                assert time.monotonic() < deadline, "the cluster does not come up"
                time.sleep(0.02)

    def wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + 30
        while True:
            try:
                with self.client() as client:
                    client.ping()
            except redis.RedisError:
                assert time.monotonic() < deadline, "Redis does not start"
                time.sleep(0.05)
            else:
                return


@contextmanager
def run(*options: str) -> Iterator[RedisServer]:
    """A server with a password, which keeps nothing on a disk."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ("--save", "", "--appendonly", "no", "--requirepass", PASSWORD, *options)
    options += ("--cluster-announce-ip", "127.0.0.1", "--cluster-announce-port", str(port))
    with _in_container(port, options) if _engine_has_image() else _installed(port, options) as server:
        server.wait_until_it_answers()
        yield server


def _engine_has_image() -> bool:
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True, timeout=20).returncode == 0


@contextmanager
def _in_container(port: int, options: tuple[str, ...]) -> Iterator[RedisServer]:
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")  # the engine may be unable to fetch that image
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
        raise NoRedis("neither a container engine with redis:8 nor an installed redis-server")
    command = [program, "--port", str(port), "--bind", "127.0.0.1", *options]
    processes: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))

    def kill() -> None:
        processes[-1].kill()
        processes[-1].wait(20)

    start()
    try:
        yield RedisServer(
            port,
            kill,
            start,
            lambda: processes[-1].send_signal(signal.SIGSTOP),
            lambda: processes[-1].send_signal(signal.SIGCONT),
        )
    finally:
        kill()
