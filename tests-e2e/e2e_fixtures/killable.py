"""auth-service, its worker and todo-service on one PostgreSQL server. Tests kill each and start it again.

The test restarts them, as compose.yaml's `restart` or Kubernetes would; `./run.py up` instead stops when one of its
processes ends. There is no gateway, because it stores nothing.
"""

import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
from deploy.local.ports import free_port
from deploy.local.provisioning import apply
from deploy.local.services import code_path

from e2e_fixtures.checkout import ambient
from e2e_fixtures.postgres import Postgres, running_postgres
from e2e_fixtures.stack import NO_TLS
from e2e_fixtures.waiting import wait_until

READY_SECONDS = 90  # enough for a busy machine
TODO_CLIENT_ID = f"client_{'todoservice':0>32}"


@dataclass
class Process:
    """A process `python -m MODULE ARGUMENTS` that answers /readyz on its port."""

    arguments: Sequence[str]
    environ: Mapping[str, str]
    port: int
    log: Path
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [sys.executable, "-P", "-m", *self.arguments, "--port", str(self.port)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, cwd=self.log.parent, env=self.environ, stdout=log, stderr=log)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(60)

    def is_ready(self) -> bool:
        """Whether /readyz answers 200. Fails if the process has ended by itself."""
        assert self.process is not None
        assert self.process.poll() is None, f"{self.arguments} ended:\n{self.log.read_text()[-4000:]}"
        try:
            return httpx2.get(f"{self.url}/readyz", trust_env=False, verify=NO_TLS, timeout=5).status_code == 200
        except httpx2.TransportError:
            return False


@dataclass
class System:
    postgres: Postgres
    processes: Mapping[str, Process]
    opened: ExitStack = field(default_factory=ExitStack)

    @property
    def issuer(self) -> str:
        return self.processes["auth-service"].environ["AUTH_ISSUER"]

    def client(self, name: str, **options: Any) -> httpx2.Client:
        url = self.processes[name].url
        return self.opened.enter_context(
            httpx2.Client(base_url=url, trust_env=False, verify=NO_TLS, timeout=40, **options)
        )

    def command(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command of auth-service."""
        environ = self.processes["auth-service"].environ
        return _run("auth_service", arguments, environ, self.processes["auth-service"].log.parent, stdin)

    def wait_until_ready(self) -> None:
        for process in self.processes.values():
            wait_until(process.is_ready, READY_SECONDS)


@contextmanager
def running_system(folder: Path) -> Iterator[System]:
    with running_postgres() as postgres:
        for name in ("auth", "todo"):
            postgres.execute("postgres", f"CREATE DATABASE {name}")
        ports = [free_port() for _ in range(3)]
        auth, todo = _environments(folder, postgres, *ports[:2])
        _check(_run("auth_service", ["migrate"], auth, folder))
        _check(_run("todo_service", ["migrate"], todo, folder))
        processes = {
            "auth-service": Process(["auth_service", "serve"], auth, ports[0], folder / "auth-service.log"),
            "worker": Process(["auth_service", "worker"], auth, ports[2], folder / "worker.log"),
            "todo-service": Process(["todo_service", "serve"], todo, ports[1], folder / "todo-service.log"),
        }
        system = System(postgres, processes)
        _provision(system, todo)
        try:
            for process in processes.values():
                process.start()
            system.wait_until_ready()
            with system.opened:
                yield system
        finally:
            for process in processes.values():
                process.kill()


def _environments(folder: Path, postgres: Postgres, auth: int, todo: int) -> tuple[dict[str, str], dict[str, str]]:
    issuer, secret = f"http://localhost:{auth}", folder / "secret"
    secret.write_text(secrets.token_urlsafe(32))
    shared = {**ambient(), "PYTHONUNBUFFERED": "1"}
    auth_service = {
        **shared,
        "PYTHONPATH": code_path("auth"),
        "AUTH_ISSUER": issuer,
        "AUTH_SECRET": f"1:{secrets.token_urlsafe(48)}",
        "AUTH_KEY_ENCRYPTION_KEYS": f"1:{secrets.token_urlsafe(48)}",
        "AUTH_DATABASE_URL": postgres.url("auth"),
        "AUTH_EVENT_NETWORKS": "127.0.0.1/32",
        "AUTH_LIMITS": "off",
        "AUTH_ACCESS_TOKEN_TTL": "PT15M",  # so that no token expires, however slow the machine is
    }
    todo_service = {
        **shared,
        "PYTHONPATH": code_path("todo"),
        "TODO_ISSUER": issuer,
        "TODO_AUTH_URL": f"http://127.0.0.1:{auth}",
        "TODO_DATABASE_URL": postgres.url("todo"),
        "TODO_CLIENT_ID": TODO_CLIENT_ID,
        "TODO_CLIENT_SECRET_FILE": str(secret),
        "TODO_JWKS_FILE": str(folder / "jwks.json"),
        "TODO_STATUS_LISTS_FILE": str(folder / "status_lists.json"),
    }
    return auth_service, todo_service


def _provision(system: System, todo: Mapping[str, str]) -> None:
    """Register the API, the web application, and todo-service as a client that receives account events."""
    events = f"{system.processes['todo-service'].url}/internal/events"
    _check(system.command(*apply(TODO_CLIENT_ID, events, todo["TODO_CLIENT_SECRET_FILE"])))


def _run(
    module: str, arguments: Sequence[str], environ: Mapping[str, str], folder: Path, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-m", module, *arguments]
    return subprocess.run(
        command, cwd=folder, env=environ, input=stdin, capture_output=True, text=True, timeout=300, check=False
    )


def _check(done: subprocess.CompletedProcess[str]) -> None:
    assert done.returncode == 0, done.stderr
