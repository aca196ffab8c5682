"""Redis servers that tests may break: in a container if Docker has the image, otherwise the installed server."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import redis
from deploy.local.ports import free_port

from todo_fixtures.service import wait_until

IMAGE = "redis:8"
PASSWORD = "a password: with/special@characters"
PATIENCE = 60  # seconds: a machine may be busy
ENCODED = "a%20password%3A%20with%2Fspecial%40characters"


class NoRedis(Exception):
    """This machine has neither the image nor an installed Redis."""


@dataclass(frozen=True)
class RedisServer:
    """A running server that can be killed and started again."""

    port: int
    kill: Callable[[], None]
    start: Callable[[], None]
    pause: Callable[[], None]
    resume: Callable[[], None]

    def url(self, scheme: str = "redis", password: str = ENCODED) -> str:
        return f"{scheme}://:{password}@127.0.0.1:{self.port}"

    @contextmanager
    def client(self) -> Iterator["redis.Redis"]:
        with redis.Redis(port=self.port, password=PASSWORD, socket_timeout=60) as client:
            yield client

    def make_cluster(self) -> None:
        """Make this node a cluster of one."""
        with self.client() as client:
            client.cluster("ADDSLOTSRANGE", 0, 16383)
            wait_until(lambda: client.cluster("INFO")["cluster_state"] == "ok", PATIENCE)

    def has_a_replica(self) -> bool:
        with self.client() as client:
            return "'state': 'online'" in str(client.info("replication"))

    def wait_until_it_answers(self) -> None:
        wait_until(self._answers, PATIENCE)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                client.ping()
        except redis.RedisError:
            return False
        return True


@contextmanager
def run(*options: str) -> Iterator[RedisServer]:
    """Run a server with a password and without persistence."""
    port = free_port()
    options = ("--save", "", "--appendonly", "no", "--requirepass", PASSWORD, *options)
    options += ("--cluster-announce-ip", "127.0.0.1", "--cluster-announce-port", str(port))
    with _in_container(port, options) if _engine_has_image() else _installed(port, options) as server:
        server.wait_until_it_answers()
        yield server


def _engine_has_image() -> bool:
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "image", "inspect", IMAGE], capture_output=True, timeout=120).returncode == 0


@contextmanager
def _in_container(port: int, options: tuple[str, ...]) -> Iterator[RedisServer]:
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")  # that image may not be available
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
        raise NoRedis("no redis-server is installed, and Docker has no redis:8 (Sentinels need the installed server)")
    bus = str(free_port())  # of a cluster node; its own choice is port + 10,000, which nobody reserved
    command = [program, *options, "--port", str(port), "--bind", "127.0.0.1", "--cluster-port", bus]
    folder = tempfile.TemporaryDirectory(prefix="todo-redis-")  # for the files that cluster nodes and Sentinels write
    processes: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        processes.append(subprocess.Popen(command, cwd=folder.name, stdout=subprocess.DEVNULL))

    def kill() -> None:
        processes[-1].kill()
        processes[-1].wait(60)

    def send(number: signal.Signals) -> Callable[[], None]:
        return lambda: processes[-1].send_signal(number)

    start()
    try:
        yield RedisServer(port, kill, start, send(signal.SIGSTOP), send(signal.SIGCONT))
    finally:
        kill()
        folder.cleanup()


@contextmanager
def run_encrypted(certificate: Path, ca_file: Path, *options: str) -> Iterator[tuple[RedisServer, int]]:
    """Run a server with a port for TLS, and return both. It is the installed server, which can read the files."""
    port = free_port()
    files = (
        "--tls-cert-file",
        str(certificate),
        "--tls-key-file",
        str(certificate),
        "--tls-ca-cert-file",
        str(ca_file),
    )
    options = ("--save", "", "--requirepass", PASSWORD, "--tls-port", str(port), "--tls-auth-clients", "no", *options)
    with _installed(free_port(), (*options, *files)) as server:
        server.wait_until_it_answers()
        yield server, port


@contextmanager
def run_watched() -> Iterator[tuple[str, RedisServer]]:
    """Run a master with a Sentinel; return the URL by the Sentinel, and the master. They are installed servers."""
    own = ("--save", "", "--requirepass", PASSWORD, "--masterauth", PASSWORD)
    with ExitStack() as running:
        master = running.enter_context(_installed(free_port(), own))
        master.wait_until_it_answers()
        running.enter_context(_installed(free_port(), (*own, "--replicaof", "127.0.0.1", str(master.port))))
        wait_until(lambda: master.has_a_replica(), PATIENCE)
        with tempfile.TemporaryDirectory(prefix="todo-sentinel-") as folder:
            configured = Path(folder) / "sentinel.conf"
            configured.write_text(
                f"sentinel monitor main 127.0.0.1 {master.port} 1\n"
                f'sentinel auth-pass main "{PASSWORD}"\n'
                "sentinel down-after-milliseconds main 500\n"
            )
            sentinel = running.enter_context(_installed(free_port(), (str(configured), "--sentinel")))
            wait_until(lambda: _sees_a_replica(sentinel.port), PATIENCE)
            yield f"redis+sentinel://:{ENCODED}@127.0.0.1:{sentinel.port}/main", master
            sentinel.kill()  # SIGKILL, or it would still write its configuration


def _sees_a_replica(port: int) -> bool:
    try:
        with redis.Redis(port=port, socket_timeout=60) as client:
            return bool(client.sentinel_slaves("main"))
    except redis.RedisError:
        return False
