"""Install the Python packages of the locks, and nginx."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import sys
import sysconfig
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
ISOLATED = "-I"  # import only from the interpreter's own folders, not from the caller's or PYTHONPATH's
TEST_LOCK = ROOT / "tests-e2e/requirements.txt"


def python(*, tests: bool = False) -> str:
    """The interpreter of the virtual environment, which is made or completed first if necessary.

    A marker is written last, so that an interrupted installation is not taken for complete.
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


def slow_build() -> str:
    """A warning if this Python was built without the compiler's profile, as by pyenv's default; otherwise ""."""
    is_of_distribution = sys.base_prefix == "/usr"  # built with the profile, but Debian's CONFIG_ARGS do not say so
    if is_of_distribution or "--enable-optimizations" in str(sysconfig.get_config_var("CONFIG_ARGS")):
        return ""
    return (
        f"This Python ({sys.base_prefix}) was built without --enable-optimizations and is some 20 % slower than a "
        "distribution's or an official image's: measure with one of these, for example /usr/bin/python3."
    )


def environment() -> Path:
    """The folder of the virtual environment for these locks and this Python."""
    content = b"".join(path.read_bytes() for path in (*RUNTIME_LOCKS, TEST_LOCK)) + sys.version.encode()
    return STATE / f"venv-{hashlib.sha256(content).hexdigest()[:12]}"


def remove_old_environments() -> None:
    """Delete environments of other locks or Pythons, except those that are in use or incomplete."""
    current = environment()
    with lock("venv.lock"):
        for folder in sorted(STATE.glob("venv-*")):
            if folder == current or folder.is_symlink():
                continue
            if not (folder / RUNTIME_MARKER).exists():
                print(f"{folder.name} is kept: it is not complete. If nothing is making it, delete it: rm -r {folder}")
            elif is_used(folder):
                print(f"{folder.name} is kept: a process uses it.")
            else:
                shutil.rmtree(folder)


def make_environment(folder: Path) -> None:
    if not importlib.util.find_spec("ensurepip") or not importlib.util.find_spec("venv"):
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise Refused(f"This Python has no venv module. Debian and Ubuntu: sudo apt-get install python{version}-venv")
    shutil.rmtree(folder, ignore_errors=True)
    run_with_progress("Making a virtual environment", [sys.executable, ISOLATED, "-m", "venv", str(folder)])


def install(interpreter: str, what: str, locks: Sequence[Path]) -> None:
    """Install the packages of the locks, by hash. No bytecode is compiled: much of it is never needed."""
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
    """The path of nginx; as root on Debian or Ubuntu it is installed if it is missing."""
    if (found := nginx.find()) is not None:
        return found
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise Refused(
            "The gateway needs nginx, which is not installed. Install it (Debian and Ubuntu: "
            "sudo apt-get install nginx; macOS: brew install nginx),\nor start without it: ./run.py up --no-gateway"
        )
    apt = ["apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=120"]
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        with nginx.no_services_started():
            run_with_progress("Reading the package lists", [*apt, "update"], environ)
            run_with_progress("Installing nginx", [*apt, "install", "--no-install-recommends", "nginx"], environ)
    except Refused as refused:
        raise Refused(
            f"{refused}\nInstall nginx in another way, or start without it: ./run.py up --no-gateway"
        ) from refused
    return nginx.find() or "nginx"
