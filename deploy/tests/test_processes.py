"""The processes that run.py starts, the folder that they start in, and their logs."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest
import run as verbs
from deploy.local import packages, processes, progress, services, waiting


@pytest.fixture
def elsewhere(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Another folder, from which run.py is called; it has modules with the names of those that we start."""
    folder = tmp_path_factory.mktemp("elsewhere")
    for name in ("venv", "pip", "ensurepip", "ruff", "mypy", "auth_service"):
        (folder / f"{name}.py").write_text("open(__file__ + '.was-run', 'w')\n", encoding="utf-8")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder


@pytest.mark.process
def test_environment_is_made_without_modules_of_the_callers_folder(here: Path, elsewhere: Path) -> None:
    packages.make_environment(here / "venv")
    with pytest.raises(waiting.Refused, match="requirement"):
        packages.install(str(here / "venv/bin/python"), "Installing nothing", [])
    assert list(elsewhere.glob("*.was-run")) == []


@pytest.mark.process
def test_every_process_starts_in_a_folder_of_ours(here: Path, elsewhere: Path) -> None:
    """A relative database URL then means the same file for migrations, commands and services."""
    progress.run_with_progress("Looking", ["sh", "-c", "pwd"])
    assert (here / "setup.log").read_text(encoding="utf-8").strip() == str(here)
    processes.Child.start("looking", ["sh", "-c", "pwd"], os.environ).process.wait()
    assert (here / "looking.log").read_text(encoding="utf-8").strip() == str(here)


def test_commands_run_in_a_folder_of_ours(here: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def become(command: list[str], *, cwd: Path, environ: dict[str, str]) -> int:
        assert command == ["python", "-P", "-m", "auth_service", "users", "list"]
        assert str(elsewhere) not in environ["PYTHONPATH"]
        assert cwd == here
        return 7

    monkeypatch.setattr(verbs, "become", become)
    monkeypatch.setattr(verbs, "migrate", lambda *_: None)
    monkeypatch.setattr(services, "python", lambda: "python")
    assert verbs.operate("auth", ["users", "list"]) == 7


@pytest.mark.process
def test_failed_command_shows_the_end_of_its_log(here: Path) -> None:
    with pytest.raises(waiting.Refused, match=r"(?s)Doing it failed.*the reason.*setup\.log"):
        progress.run_with_progress("Doing it", ["sh", "-c", "echo the reason; exit 3"])


@pytest.mark.process
def test_process_that_dies_is_reported_with_the_end_of_its_log(here: Path) -> None:
    child = processes.Child.start("doomed", ["sh", "-c", "echo last words; exit 7"], {})
    child.process.wait()
    with pytest.raises(waiting.Refused, match=r"(?s)doomed ended with code 7.*last words"):
        child.check()


@pytest.mark.process
def test_stopping_leaves_no_child_of_a_child(here: Path) -> None:
    """nginx's workers survive a killed master, and keep its port."""
    child = processes.Child.start("parent", ["sh", "-c", "sleep 60 & echo $!; wait"], {"PATH": os.environ["PATH"]})
    deadline = time.monotonic() + 60
    while not child.log.read_text(encoding="utf-8") and time.monotonic() < deadline:
        time.sleep(0.01)
    grandchild = int(child.log.read_text(encoding="utf-8"))
    assert processes.birth(grandchild)
    child.process.kill()
    child.stop()
    assert not processes.birth(grandchild)


@pytest.mark.process
def test_log_of_the_run_before_is_kept_once(here: Path) -> None:
    for word in ("one", "two", "three"):
        processes.Child.start("talker", ["sh", "-c", f"echo {word}"], {}).process.wait()
    assert [(here / name).read_text(encoding="utf-8") for name in ("talker.log.1", "talker.log")] == [
        "two\n",
        "three\n",
    ]


@pytest.mark.process
def test_log_is_for_its_owner_alone(here: Path) -> None:
    """A log of an earlier version may be readable for others; so may the umask of the caller."""
    for name in ("service.log", "setup.log"):
        (here / name).touch(0o644)
        (here / name).chmod(0o644)
    mask = os.umask(0)
    try:
        for name in ("service", "other"):
            processes.Child.start(name, [sys.executable, "-c", ""], os.environ).process.wait()
        progress.run_with_progress("Checking", [sys.executable, "-c", ""])
    finally:
        os.umask(mask)
    modes = {path.name: path.stat().st_mode & 0o777 for path in here.glob("*.log*")}
    assert modes == dict.fromkeys(["service.log", "service.log.1", "other.log", "setup.log"], 0o600)


def test_end_of_a_log_moves_no_cursor(here: Path) -> None:
    """The end of a log goes to a terminal, which obeys C0 and C1 control characters."""
    (here / "some.log").write_bytes("tab\tand \x1b[31mred, \x9b31mred, \x7f, \x00, ä\nend\n".encode() + b"\x9b\n")
    shown = progress.tail(here / "some.log")
    assert shown == "    tab\tand \\x1b[31mred, \\x9b31mred, \\x7f, \\x00, ä\n    end\n    \N{REPLACEMENT CHARACTER}"
