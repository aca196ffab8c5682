"""`./run.py lint`: the commands that it runs, with and without Node.js."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest
import yaml
from deploy.local import lint
from deploy.local.state import ROOT
from deploy.local.waiting import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Record the commands of lint instead of running them; all of them succeed."""
    commands: list[list[str]] = []

    def record(shown: Sequence[str], *_: object) -> int:
        commands.append(list(shown))
        return 0

    monkeypatch.setattr(lint, "run", record)
    monkeypatch.setattr(lint, "python", lambda *, tests: "python" if tests else "")
    monkeypatch.setattr(lint, "node_folder", lambda: "node")
    monkeypatch.setattr(lint, "installed", lambda sources, _node, *, production: sources)
    monkeypatch.setattr(lint, "environment", lambda _node: {})
    return commands


@pytest.mark.parametrize("environ", ["true", None])
def test_without_node_prettier_is_skipped_but_fails_in_ci(
    ran: list[list[str]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], environ: str | None
) -> None:
    def refuse() -> Path:
        raise Refused("Node.js is not on PATH.")

    monkeypatch.setattr(lint, "node_folder", refuse)
    monkeypatch.delenv("CI", raising=False)
    if environ:
        monkeypatch.setenv("CI", environ)
    assert lint.lint([]) == (1 if environ else 0)
    assert "prettier" not in {command[0] for command in ran}
    assert "Node.js is not on PATH." in capsys.readouterr().err


def test_it_changes_no_file_unless_told_to_fix(ran: list[list[str]]) -> None:
    assert lint.lint([]) == 0
    changing = [["ruff", "check", "--fix", "."], ["ruff", "format", "."]]
    assert [command for command in ran if command in changing or "--write" in command] == []
    assert {"ruff", "mypy", "prettier"} == {command[0] for command in ran}
    ran.clear()
    assert lint.lint(["--fix"]) == 0
    assert [command for command in ran if command in changing] == changing
    assert ["prettier", "--write"] in [command[:2] for command in ran]


@pytest.mark.usefixtures("ran")
@pytest.mark.parametrize("failing", ["ruff", "mypy", "prettier"])
def test_one_failed_check_fails_it(monkeypatch: pytest.MonkeyPatch, failing: str) -> None:
    monkeypatch.setattr(lint, "run", lambda shown, *_: int(shown[0] == failing))
    assert lint.lint([]) == 1


def test_every_part_is_checked_by_mypy(ran: list[list[str]]) -> None:
    lint.lint([])
    checked = {part for command in ran if command[0] == "mypy" for part in command[2:]}
    assert checked == {"auth-service", "todo-service", "run.py", "deploy", "gateway", "tests-e2e"}


def test_hooks_before_a_commit_and_a_push_run_what_ci_runs() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    (repository,) = config["repos"]
    entries = {hook["stages"][0]: hook["entry"] for hook in repository["hooks"]}
    assert (repository["repo"], entries) == (
        "local",
        {"pre-commit": "./run.py lint", "pre-push": "./run.py test --fast"},
    )
    assert f"step {entries['pre-commit']}" in (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()


@pytest.mark.process
def test_a_check_that_is_killed_fails() -> None:
    """Such as mypy on a machine that runs out of memory."""
    killed = [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]
    assert lint.run(["mypy"], killed) == 128 + signal.SIGKILL
