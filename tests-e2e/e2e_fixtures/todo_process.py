"""A single todo-service process that trusts the tests' own issuer."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from deploy.local.ports import free_port
from deploy.local.services import code_path

from e2e_fixtures.checkout import ambient
from e2e_fixtures.issuer import Issuer
from e2e_fixtures.people import bearer
from e2e_fixtures.stack import NO_TLS
from e2e_fixtures.waiting import wait_until

COMMAND = [sys.executable, "-P", "-m", "todo_service"]


@dataclass(frozen=True)
class TodoProcess:
    issuer: Issuer
    url: str
    log: Path
    opened: ExitStack

    def client(self, token: str | None = None, **options: Any) -> httpx2.Client:
        headers = {} if token is None else bearer(token)
        client = httpx2.Client(
            base_url=self.url, headers=headers, trust_env=False, verify=NO_TLS, timeout=20, **options
        )
        return self.opened.enter_context(client)


@contextmanager
def running_todo_service(folder: Path, issuer: Issuer, **more: str) -> Iterator[TodoProcess]:
    """Run it with these settings until the end of the block."""
    port, log = free_port(), folder / "todo-service.log"
    settings = {
        "PYTHONPATH": code_path("todo"),
        "TODO_ISSUER": issuer.url,
        "TODO_DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'todo.db'}",
        "TODO_JWKS_FILE": str(folder / "jwks.json"),
        "TODO_REQUIRE_STATUS": "off",  # the issuer here has no status lists
        "TODO_STATUS_LISTS_FILE": str(folder / "status_lists.json"),
        **more,
    }
    environ = {**ambient(), **settings}
    subprocess.run([*COMMAND, "migrate"], cwd=folder, env=environ, capture_output=True, timeout=300, check=True)
    with log.open("wb") as output, ExitStack() as opened:
        serve = [*COMMAND, "serve", "--port", str(port)]
        process = subprocess.Popen(serve, cwd=folder, env=environ, stdout=output, stderr=output)
        try:
            todo_service = TodoProcess(issuer, f"http://127.0.0.1:{port}", log, opened)
            wait_until(lambda: _is_ready(todo_service, process))
            yield todo_service
        finally:
            process.terminate()
            process.wait(120)


def _is_ready(todo_service: TodoProcess, process: subprocess.Popen[bytes]) -> bool:
    assert process.poll() is None, todo_service.log.read_text(encoding="utf-8")
    try:
        return httpx2.get(f"{todo_service.url}/readyz", trust_env=False, verify=NO_TLS).status_code == 200
    except httpx2.TransportError:
        return False
