"""run.py as a person uses it in a terminal: in the foreground until Ctrl-C, on another address, and `reset`."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
from deploy.local.ports import free_port

from e2e_fixtures.checkout import TIMEOUT, Checkout, ambient
from e2e_fixtures.people import PASSWORD, Person, browser, credentials, sign_up
from e2e_fixtures.stack import NO_TLS, Stack, command_of, running_stack, started_stack
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
    assert len(running["processes"]) == 4  # the fourth shows mails
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


def test_backup_of_a_running_system_is_restored_and_the_demo_says_its_password_again(tmp_path: Path) -> None:
    """Accounts, todos and secrets come back; sessions do not, because the backup has forgotten later sign-outs."""
    options, saved = ("--demo", "--no-limits", "--port", str(free_port())), tmp_path / "saved"
    with running_stack(tmp_path / "checkout", *options) as stack:
        checkout, person = stack.checkout, sign_up(stack)
        writing, counted = threading.Event(), []

        def write() -> None:
            api = person.api()
            while not writing.wait(0.05):
                counted.append(api.post("/api/v1/todos", json={"title": "Meanwhile"}).status_code)

        with ThreadPoolExecutor(1) as pool:
            written = pool.submit(write)
            wait_until(lambda: len(counted) > 3)
            done = checkout.run("backup", str(saved))
            writing.set()
        written.result()
        assert (done.returncode, set(counted)) == (0, {201}), done.stderr
        password = said_password(stack)
        assert "exists already" in checkout.run("backup", str(saved)).stderr
        assert "The system runs" in checkout.run("restore", str(saved)).stderr
    assert {path.stat().st_mode & 0o077 for path in (saved, *saved.glob("*.db"), saved / "secrets")} == {0}
    assert "already" in checkout.run("restore", str(saved)).stderr
    for command in (("reset",), ("restore", str(saved))):
        done = checkout.run(*command)
        assert done.returncode == 0, done.stderr
    with started_stack(checkout, *options) as stack:
        assert said_password(stack) == password
        page = browser(stack)
        page.cookies.update(person.browser.cookies)
        assert page.get("/api/auth/get-session").json() is None
        for email, secret in ((person.email, PASSWORD), ("dana@example.com", password)):
            page = browser(stack)
            signed_in = page.post("/api/auth/sign-in/email", json=credentials(email, secret))
            assert signed_in.status_code == 200, signed_in.text
            todos = Person(signed_in.json()["user"]["id"], email, page, stack).api().get("/api/v1/todos").json()
            assert len(todos["items"]) >= 3


def said_password(stack: Stack) -> str:
    said = re.search(r"person +\S+, password (\S+)\n", stack.log("run"))
    assert said, stack.log("run")
    return said[1]


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
