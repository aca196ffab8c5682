"""Guests: programs with a library that is not ours, each with a folder, a lock and an environment of its own.

Every guest is given ISSUER, CLIENT_ID, CLIENT_SECRET, PORT and FOLDER (its own, empty) in its environment.
"""

import hashlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest

from e2e_fixtures.absent import absent
from e2e_fixtures.checkout import ROOT, ambient
from e2e_fixtures.npm import installed, node
from e2e_fixtures.stack import Stack
from e2e_fixtures.waiting import wait_until

GUESTS = ROOT / "tests-e2e/guests"
MODULES = Path("/usr/lib/apache2/modules")
INSTALLATION_TIMEOUT = 600  # seconds


def python_of(name: str) -> Path:
    """The interpreter of a guest's own environment, with the packages of its lock."""
    lock = GUESTS / name / "requirements.txt"
    folder = ROOT / ".run" / f"guest-{name}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:12]}"
    complete = folder / "is-complete"  # written last, so an interrupted installation is not taken for complete
    if not complete.exists():
        _run([sys.executable, "-m", "venv", "--clear", str(folder)])
        pip = [str(folder / "bin/python"), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        _run([*pip, "--require-hashes", "-r", str(lock)])
        complete.touch()
    return folder / "bin/python"


def _run(command: Sequence[str]) -> None:
    ran = subprocess.run(command, capture_output=True, text=True, timeout=INSTALLATION_TIMEOUT, check=False)
    if ran.returncode != 0:
        pytest.fail(f"{' '.join(command)} failed:\n{ran.stdout}{ran.stderr}")


def command_of(name: str, folder: Path) -> list[str]:
    """The command that runs a guest in the foreground."""
    if (GUESTS / name / "requirements.txt").exists():
        return [str(python_of(name)), str(GUESTS / name / "app.py")]
    if (GUESTS / name / "package.json").exists():
        return [node(), str(installed(GUESTS / name) / "app.js")]
    return _apache(folder, GUESTS / name / "apache.conf")


def _apache(folder: Path, configuration: Path) -> list[str]:
    program = shutil.which("apache2") or "/usr/sbin/apache2"
    if not Path(program).exists() or not (MODULES / "mod_auth_openidc.so").exists():
        absent("Apache with mod_auth_openidc is not installed (Debian: apt-get install libapache2-mod-auth-openidc)")
    pages = folder / "pages"
    pages.mkdir()
    for name in ("index.html", "signed-out.html"):
        (pages / name).write_text("<p>A page of Apache", encoding="utf-8")
    for path in (folder, pages):
        path.chmod(0o755)  # as root, Apache serves as another user
    return [program, "-f", str(configuration), "-DFOREGROUND"]


def register(stack: Stack, **metadata: Any) -> dict[str, Any]:
    created = stack.checkout.run("auth", "clients", "create", stdin=json.dumps(metadata))
    assert created.returncode == 0, created.stderr
    registered: dict[str, Any] = json.loads(created.stdout)
    return registered


@contextmanager
def running(name: str, folder: Path, port: int, **environ: str) -> Iterator[str]:
    """The URL of a running guest. Its output is in FOLDER/guest.log."""
    folder.mkdir()
    command = command_of(name, folder)
    given: Mapping[str, str] = {"PORT": str(port), "FOLDER": str(folder), "MODULES": str(MODULES), **environ}
    with (folder / "guest.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env={**ambient(), **given}, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: process.poll() is not None or _answers(url))
        assert process.poll() is None, (folder / "guest.log").read_text(encoding="utf-8")
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _answers(url: str) -> bool:
    try:
        httpx2.get(url, trust_env=False)
    except httpx2.TransportError:
        return False
    return True
