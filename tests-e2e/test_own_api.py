"""README, "Let one service call another": two services and an API of one's own, as they stand there."""

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from deploy.local.ports import free_port

from e2e_fixtures.checkout import ROOT, ambient
from e2e_fixtures.people import Person, bearer
from e2e_fixtures.stack import Stack
from e2e_fixtures.waiting import wait_until

SECTION = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Let one service call another")[2]
BLOCKS = re.findall(r"(?:^(?: {4}.*)?\n)+", SECTION.partition("\n## ")[0], re.MULTILINE)
CONFIGURATION, APPLY, BILLING, REPORT = (textwrap.dedent(block).strip() for block in BLOCKS if block.strip())


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


def here(text: str, stack: Stack, port: int) -> str:
    """The text with this system's addresses."""
    return text.replace("http://localhost:8080", stack.url).replace("8090", str(port))


@contextmanager
def running_billing(stack: Stack, port: int, folder: Path) -> Iterator[None]:
    """The API of the README as a process, until the end of the block."""
    file = folder / "billing.py"
    file.write_text(here(BILLING, stack, port), encoding="utf-8")
    with (folder / "billing.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, str(file)], cwd=folder, stdout=log, stderr=log)
    try:
        wait_until(lambda: process.poll() is not None or answers(port))
        yield
    finally:
        process.kill()
        process.wait()


def answers(port: int) -> bool:
    try:
        return ask(port, "x").status_code == 401
    except httpx2.TransportError:
        return False


def ask(port: int, token: str) -> httpx2.Response:
    return httpx2.get(f"http://127.0.0.1:{port}/invoices", headers=bearer(token), trust_env=False, timeout=30)


def run_bash(script: str, stack: Stack, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", f"set -e\n{script.replace('./run.py', str(stack.checkout.folder / 'run.py'))}"],
        cwd=folder,
        env={**ambient(), "PATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_three_commands_and_one_file(stack: Stack, port: int, tmp_path: Path, person: Person) -> None:
    """No todo API is involved, and its tokens do not open the other one, nor the other way round."""
    (tmp_path / "billing.yaml").write_text(CONFIGURATION, encoding="utf-8")
    planned = run_bash(f"{APPLY} --plan", stack, tmp_path)
    assert run_bash(APPLY, stack, tmp_path) == planned
    assert planned.splitlines()[-1] == "2 new, 0 changed, 0 deleted."
    assert run_bash(APPLY, stack, tmp_path) == "Nothing to change.\n"
    with running_billing(stack, port, tmp_path):
        assert ask(port, "x").status_code == 401
        out = run_bash(f"{here(REPORT, stack, port)}\necho $token", stack, tmp_path)
        assert out.startswith("three invoices\n")
        token, own = out.split()[-1], person.token()
        assert ask(port, token).status_code == 200
        assert ask(port, own).status_code == 401
        assert stack.client(headers=bearer(token)).get("/api/v1/todos").status_code == 401
        auth = ("client_0000000000000000000nightlyreport", (tmp_path / "nightly-report.secret").read_text().strip())
        form = {"grant_type": "client_credentials", "resource": f"{stack.url}/api/v1"}
        refused = stack.client().post("/oauth/token", data=form, auth=auth)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target")
