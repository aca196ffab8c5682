"""README, "Protect an API of your own": an API, its page and a service that calls it, as they stand there."""

import os
import re
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
from deploy.local.ports import free_port
from playwright.sync_api import Page, expect

from e2e_fixtures.checkout import ROOT, ambient
from e2e_fixtures.people import PASSWORD, Person, bearer
from e2e_fixtures.stack import Stack
from e2e_fixtures.waiting import wait_until

SECTION = (ROOT / "README.md").read_text(encoding="utf-8").partition("## Protect an API of your own")[2]
BLOCKS = re.findall(r"(?:^(?: {4}.*)?\n)+", SECTION.partition("\n## ")[0], re.MULTILINE)
CONFIGURATION, APPLY, BILLING, PAGE, START, REPORT = (
    textwrap.dedent(block).strip() for block in BLOCKS if block.strip()
)


@pytest.fixture(scope="module")
def port() -> int:
    return free_port()


def here(text: str, stack: Stack, port: int) -> str:
    """The text with this system's addresses."""
    return text.replace("http://localhost:8080", stack.url).replace("8090", str(port))


@contextmanager
def running_billing(stack: Stack, port: int, folder: Path) -> Iterator[None]:
    """The API of the README as a process, until the end of the block."""
    (folder / "billing.py").write_text(here(BILLING, stack, port), encoding="utf-8")
    (folder / "invoices.html").write_text(here(PAGE, stack, port), encoding="utf-8")
    program = START.rpartition("venv/bin/python ")[2]
    with (folder / "billing.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, program], cwd=folder, stdout=log, stderr=log)
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
    """Billing's answer."""
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


def test_three_commands_and_one_file(stack: Stack, port: int, tmp_path: Path, person: Person, page: Page) -> None:
    """No todo API is involved, and its tokens do not open the other one, nor the other way round."""
    (tmp_path / "billing.yaml").write_text(here(CONFIGURATION, stack, port), encoding="utf-8")
    began = time.monotonic()
    assert run_bash(APPLY, stack, tmp_path).splitlines()[-1] == "3 new, 0 changed, 0 deleted."
    assert run_bash(APPLY, stack, tmp_path) == "Nothing to change.\n"
    with running_billing(stack, port, tmp_path):
        assert ask(port, "x").status_code == 401
        page.goto(f"http://localhost:{port}/")
        page.click("#show")
        page.fill("#email", person.email)
        page.fill("#password", PASSWORD)
        page.click("#sign-in")
        page.click("#deny")
        expect(page.locator("#invoices")).to_have_text("access_denied")
        page.click("#show")
        expect(page.locator("#scopes")).to_contain_text("See your invoices")
        with page.expect_request("**/invoices") as asked:
            page.click("#allow")
        expect(page.locator("#invoices")).to_have_text("three invoices")
        out = run_bash(f"{here(REPORT, stack, port)}\necho $token", stack, tmp_path)
        print(f"from a running system to an API that two clients use: {time.monotonic() - began:.0f} s")
        assert out.startswith("three invoices\n")
        own = person.token()
        assert ask(port, own).status_code == 401
        for token in (out.split()[-1], asked.value.headers["authorization"].removeprefix("Bearer ")):
            assert ask(port, token).status_code == 200
            assert stack.client(headers=bearer(token)).get("/api/v1/todos").status_code == 401
        auth = ("client_0000000000000000000nightlyreport", (tmp_path / "nightly-report.secret").read_text().strip())
        form = {"grant_type": "client_credentials", "resource": f"{stack.url}/api/v1"}
        refused = stack.client().post("/oauth/token", data=form, auth=auth)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_target")
