"""What has to be installed: the Python packages of the locks, and nginx."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.local.processes import is_used
from deploy.local.progress import run_with_progress
from deploy.local.state import ROOT, STATE, lock
from deploy.local.waiting import Refused
from gateway import nginx

if TYPE_CHECKING:
    from collections.abc import Sequence

RUNTIME_LOCKS = [ROOT / "auth-service/requirements.txt", ROOT / "todo-service/requirements.txt"]
RUNTIME_MARKER = "runtime-is-complete"
ISOLATED = "-I"  # from no folder but the interpreter's own: neither the caller's nor PYTHONPATH's
TEST_LOCK = ROOT / "tests-e2e/requirements.txt"


def python(*, tests: bool = False) -> str:
    """The interpreter of the virtual environment, which is made or completed first if need be.

    A marker is written last, so what was interrupted is not taken for complete.
    """
    folder = environment()
    interpreter = str(folder / "bin" / "python")
    runtime_ready, tests_ready = folder / RUNTIME_MARKER, folder / "tests-are-complete"
    if (tests_ready if tests else runtime_ready).exists():
        return interpreter
    with lock("venv.lock"):
        if not runtime_ready.exists():
            make_environment(folder)
            install(interpreter, "Installing the services' packages", RUNTIME_LOCKS)
            runtime_ready.touch()
        if tests and not tests_ready.exists():
            install(interpreter, "Installing the tests' packages", [TEST_LOCK])
            tests_ready.touch()
    return interpreter


def environment() -> Path:
    """Where the packages of these locks are, for this Python."""
    content = b"".join(path.read_bytes() for path in (*RUNTIME_LOCKS, TEST_LOCK)) + sys.version.encode()
    return STATE / f"venv-{hashlib.sha256(content).hexdigest()[:12]}"


def remove_old_environments() -> None:
    """Those of other locks or Pythons, unless somebody may still need them."""
    current = environment()
    with lock("venv.lock"):
        for folder in sorted(STATE.glob("venv-*")):
            if folder == current or folder.is_symlink():
                continue
            if not (folder / RUNTIME_MARKER).exists():
                print(f"{folder.name} is left: it is not complete. If nothing is making it, delete it: rm -r {folder}")
            elif is_used(folder):
                print(f"{folder.name} is left: a process uses it.")
            else:
                shutil.rmtree(folder)


def make_environment(folder: Path) -> None:
    if not importlib.util.find_spec("ensurepip") or not importlib.util.find_spec("venv"):
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise Refused(f"This Python has no venv module. Debian and Ubuntu: sudo apt-get install python{version}-venv")
    shutil.rmtree(folder, ignore_errors=True)
    run_with_progress("Making a virtual environment", [sys.executable, ISOLATED, "-m", "venv", str(folder)])


def install(interpreter: str, what: str, locks: Sequence[Path]) -> None:
    """Only what the locks name, by hash. Bytecode is left to the first import: much of it is never needed."""
    command = [
        interpreter,
        ISOLATED,
        "-m",
        "pip",
        "install",
        "--require-hashes",
        "--no-deps",
        "--no-compile",
        "--no-input",
    ]
    command += ["--disable-pip-version-check", "--progress-bar=off"]
    run_with_progress(what, command + [f"--requirement={lock}" for lock in locks])


def find_nginx() -> str:
    """nginx's path; where one command installs it, it is installed."""
    if (found := nginx.find()) is not None:
        return found
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Refused(
            "nginx, the gateway, is not installed. Install it (Debian and Ubuntu: sudo apt-get install nginx; "
            "macOS: brew install nginx),\nor go on without it: ./run.py up --no-gateway"
        )
    apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=120"]
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        with nginx.no_services_started():
            run_with_progress("Reading the package lists", [*apt, "update"], environ)
            run_with_progress("Installing nginx", [*apt, "install", "--no-install-recommends", "nginx"], environ)
    except Refused as refused:
        raise Refused(
            f"{refused}\nInstall nginx in another way, or go on without: ./run.py up --no-gateway"
        ) from refused
    return nginx.find() or "nginx"
