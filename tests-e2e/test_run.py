"""run.py as a person uses it in a terminal: in the foreground until Ctrl-C, on another address, and `reset`."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from deploy.local.ports import free_port

from e2e_fixtures.checkout import TIMEOUT, Checkout, ambient
from e2e_fixtures.stack import NO_TLS, command_of, running_stack
from e2e_fixtures.waiting import wait_until

STATE_OF_A_SYSTEM = {"auth.db", "todo.db", "secrets", "logs"}


def test_interrupted_up_leaves_no_process_and_reset_leaves_no_state(tmp_path: Path) -> None:
    """The system runs without a gateway, as on a machine without nginx."""
    fresh = Checkout.copy(tmp_path / "fresh")
    state = fresh.folder / ".run"
    with terminal(fresh, "up", "--no-gateway", "--port", str(free_port())) as process:
        wait_until(lambda: process.poll() is not None or is_ready(state), TIMEOUT)
        assert process.poll() is None, "run.py ended before it was ready"
        running = read(state)
        assert running["ports"]["gateway"] is None
        for service in ("auth", "todo"):
            url = f"http://127.0.0.1:{running['ports'][service]}/readyz"
            assert httpx2.get(url, trust_env=False, verify=NO_TLS).status_code == 200
        os.killpg(process.pid, signal.SIGINT)  # a terminal's Ctrl-C reaches the whole foreground group
        assert process.wait(TIMEOUT) == 0
    assert len(running["processes"]) == 3
    assert [pid for pid in running["processes"] if command_of(int(pid))] == []
    assert {path.name for path in state.iterdir()} >= STATE_OF_A_SYSTEM

    packages = {path.name for path in state.iterdir() if path.name.startswith(("venv-", "web-", "npm-"))}
    reset = fresh.run("reset")
    assert reset.returncode == 0, reset.stderr
    left = {path.name for path in state.iterdir()}
    assert {name for name in left if not name.endswith(".lock")} == packages


def test_gateway_listens_where_it_is_told_beside_loopback(tmp_path: Path) -> None:
    with running_stack(tmp_path / "checkout", "--listen", "127.0.0.2") as stack:
        for address in ("127.0.0.1", "127.0.0.2"):
            url = f"http://{address}:{stack.running['ports']['gateway']}/healthz"
            assert httpx2.get(url, trust_env=False, verify=NO_TLS).json() == {"status": "ok"}


def test_everything_else_starts_where_the_web_application_cannot_be_built(tmp_path: Path) -> None:
    """npm refuses to install a package that the lock does not name, so the build fails."""
    checkout = Checkout.copy(tmp_path / "checkout")
    lock = checkout.folder / "todo-service/web/package-lock.json"
    packages = json.loads(lock.read_text(encoding="utf-8"))
    del packages["packages"]["node_modules/react"]
    lock.write_text(json.dumps(packages), encoding="utf-8")
    try:
        up = checkout.run("up", "--detach", "--no-gateway", "--port", str(free_port()))
        assert up.returncode == 0, up.stderr
        assert "The web application cannot be built; everything else starts." in up.stderr
        todo_service = f"http://127.0.0.1:{read(checkout.folder / '.run')['ports']['todo']}"
        statuses = [
            httpx2.get(todo_service + path, trust_env=False, verify=NO_TLS).status_code for path in ("/readyz", "/")
        ]
        assert statuses == [200, 404]
    finally:
        checkout.run("down")


@contextmanager
def terminal(checkout: Checkout, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    """run.py in the foreground of its own terminal. At the end it is killed, and `down` ends what it started."""
    command = [sys.executable, "run.py", *arguments]
    process = subprocess.Popen(
        command, cwd=checkout.folder, env=ambient(), stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        checkout.run("down")


def is_ready(state: Path) -> bool:
    return bool(read(state).get("ready"))


def read(state: Path) -> dict[str, Any]:
    """The content of run.json; empty until the system has written it."""
    file = state / "run.json"
    described: dict[str, Any] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return described
