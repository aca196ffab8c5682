"""`todo`, the command line client: a person types its code at /device (RFC 8628), it works, and is cut off."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from e2e_fixtures.checkout import ROOT, ambient
from e2e_fixtures.providers import Account, Ours
from e2e_fixtures.stack import Stack
from e2e_fixtures.user_agent import Page, UserAgent
from e2e_fixtures.waiting import wait_until

CLIENT = ROOT / "todo-service/cli"
CLIENT_ID = f"client_{'todocli':0>32}"


def start(home: Path, *arguments: str) -> "subprocess.Popen[str]":
    environ = {**ambient(), "PYTHONPATH": str(CLIENT), "TODOS_HOME": str(home), "NO_PROXY": "*"}
    command, pipe = [sys.executable, "-m", "todo_cli", *arguments, "--json"], subprocess.PIPE
    return subprocess.Popen(command, env=environ, text=True, stdout=pipe, stderr=pipe)


def run(home: Path, *arguments: str) -> tuple[int, Any]:
    process = start(home, *arguments)
    written, errors = process.communicate(timeout=120)
    return process.returncode, json.loads(written or errors)


def age(home: Path) -> None:
    """End the access token, so that the next command refreshes."""
    path = home / "tokens.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "expires_at": 0}))


def test_it_is_installed_on_its_own(tmp_path: Path) -> None:
    """A wheel and its locked packages, without the services beside it; the command is `todo`."""
    python = tmp_path / "venv/bin/python"
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
    for command in (
        [sys.executable, "-m", "venv", str(tmp_path / "venv")],
        [*pip, "--require-hashes", "-r", str(CLIENT / "requirements.txt")],
        [*pip, "--no-deps", str(shutil.copytree(CLIENT, tmp_path / "cli"))],
    ):
        subprocess.run(command, check=True, env=ambient(), cwd=tmp_path, timeout=600)
    environ = {**ambient(), "TODOS_HOME": str(tmp_path / "home"), "PYTHONSAFEPATH": "1"}
    told = subprocess.run(
        [python.with_name("todo"), "ls", "--json"],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, json.loads(told.stderr)["error"]) == (3, "not-signed-in"), told.stderr


def sign_in(home: Path, stack: Stack, browser: UserAgent, account: Account) -> None:
    """The person of the browser allows a terminal."""
    with start(home, "login", "--server", stack.url, "--store", "file") as signing_in:
        assert signing_in.stdout is not None
        shown = json.loads(signing_in.stdout.readline())
        assert shown["verification_uri"] == f"{stack.url}/device"
        page = browser.open(shown["verification_uri"])
        assert isinstance(page, Page)
        page = browser.press(page, "continue", **{"user-code": shown["user_code"]})
        page = browser.go_on(page, account)
        assert isinstance(page, Page)
        assert "device-allowed" in page
        signed_in, errors = signing_in.communicate(timeout=120)
    assert json.loads(signed_in or "{}") == {"signed_in": True, "server": stack.url, "store": "file"}, errors


def test_a_person_signs_a_terminal_in_and_cuts_it_off(stack: Stack, tmp_path: Path) -> None:
    provider, home = Ours(stack), tmp_path / "todo"
    account = provider.sign_up()
    sign_in(home, stack, UserAgent(provider), account)
    code, added = run(home, "add", "Buy", "milk")
    assert (code, added["title"]) == (0, "Buy milk")
    age(home)
    code, listed = run(home, "ls")
    assert (code, [each["id"] for each in listed["items"]]) == (0, [added["id"]]), "after a refresh"
    withdrawn = stack.checkout.run("auth", "consents", "withdraw", account.email, CLIENT_ID, "--yes")
    assert withdrawn.returncode == 0, withdrawn.stderr
    age(home)
    code, refused = run(home, "ls")
    assert (code, refused["error"], "has ended" in refused["message"]) == (3, "not-signed-in", True)


def test_of_two_terminals_one_is_cut_off_at_the_account_and_the_other_works_on(stack: Stack, tmp_path: Path) -> None:
    provider, lost, kept = Ours(stack), tmp_path / "lost", tmp_path / "kept"
    account, browser = provider.sign_up(), UserAgent(provider)
    for home in (lost, kept):
        sign_in(home, stack, browser, account)
        assert run(home, "ls")[0] == 0
    page = browser.open(f"{stack.url}/account")
    assert isinstance(page, Page)
    newest, oldest = (each for each in page.ids if re.fullmatch(r"end-access-\w{32}", each))
    assert newest != oldest
    browser.press(page, oldest)
    wait_until(lambda: run(lost, "ls")[0] == 3)
    age(kept)
    assert run(kept, "ls")[0] == 0
