"""npm packages of a committed lock, installed once for each lock in the checkout's .run."""

import hashlib
import shutil
import subprocess
from pathlib import Path

import playwright
import pytest

from e2e_fixtures.absent import absent
from e2e_fixtures.checkout import ROOT

TIMEOUT = 600


def node() -> str:
    """The Node.js that Playwright brings: newer than Debian's, and locked by hash like every package."""
    return str(Path(playwright.__file__).parent / "driver/node")


def installed(frontend: Path) -> Path:
    """A folder with the frontend's current files and the packages of its lock."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        absent("Node.js with npm is not installed")
    lock = frontend / "package-lock.json"
    folder = ROOT / ".run" / f"npm-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    shutil.copytree(frontend, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
    complete = folder / "is-complete"  # written last, so an interrupted installation is not taken for complete
    if not complete.exists():
        ran = subprocess.run([npm, "ci"], cwd=folder, capture_output=True, text=True, timeout=TIMEOUT, check=False)
        if ran.returncode != 0:
            pytest.fail(f"npm ci failed:\n{ran.stdout}{ran.stderr}")
        complete.touch()
    return folder


def built(package: Path) -> Path:
    """The same with a package's JavaScript. Files in this folder may import the package by its own name."""
    folder = installed(package)
    build = [node(), "node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"]
    ran = subprocess.run(build, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    assert ran.returncode == 0, ran.stdout
    return folder
