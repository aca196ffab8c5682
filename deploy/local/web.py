"""The web application: built once for each state of its sources, by Node.js from PATH or from a Python package.

A system without it is a system all the same: whatever is missing is said, and everything else starts.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from deploy.local.packages import install, python
from deploy.local.progress import run_with_progress
from deploy.local.state import ROOT, STATE, lock
from deploy.local.waiting import Refused

SOURCES = ROOT / "todo-service/web"
BUILT_FROM = ("src", "public", "index.html", "package.json", "package-lock.json", ".npmrc", "vite.config.ts")
NODE_LOCK = SOURCES / "requirements.txt"
OLDEST_NODE = (20, 19)  # what Vite asks for


def build() -> Path:
    """The folder to be served, which is made first if these sources have not been built yet.

    Raises:
        Refused: it cannot be built here; why, and what to do about it.
    """
    folder = STATE / f"web-{digest(*BUILT_FROM)}"
    if folder.exists():
        return folder
    with lock("web.lock"):
        if not folder.exists():
            node = node_folder()
            work = installed(node, production=True)
            draft = work / "dist"
            shutil.rmtree(draft, ignore_errors=True)
            command = [str(work / "node_modules/.bin/vite"), "build", "--outDir", str(draft)]
            run_with_progress("Building the web application", command, environment(node), cwd=work)
            for old in STATE.glob("web-*"):
                if not old.is_symlink() and old.is_dir():
                    shutil.rmtree(old)
            draft.replace(folder)  # last, so what was interrupted is not taken for complete
    return folder


def digest(*names: str) -> str:
    """Of the files' names and contents."""
    paths = [path for name in names for path in sorted((SOURCES / name).rglob("*")) or [SOURCES / name]]
    files = [path for path in paths if path.is_file()]
    content = b"\0".join(bytes(path.relative_to(SOURCES)) + b"\0" + path.read_bytes() for path in files)
    return hashlib.sha256(content).hexdigest()[:12]


def installed(node: Path, *, production: bool) -> Path:
    """A copy of the sources beside the packages that their lock names: by hash, and without running their scripts."""
    kind = "web" if production else "web-tests"
    work = STATE / f"npm-{kind}-{digest('package.json', 'package-lock.json', '.npmrc')}"
    complete = work / "is-complete"
    for name in ("src", "public", "tests"):
        shutil.rmtree(work / name, ignore_errors=True)
    shutil.copytree(SOURCES, work, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules", "dist"))
    if not complete.exists():
        command = [str(node / "npm"), "ci", *(["--omit=dev"] if production else [])]
        what = "Installing what the web application is built with" if production else "Installing its tests' packages"
        run_with_progress(what, command, environment(node), cwd=work)
        complete.touch()
    return work


def environment(node: Path) -> dict[str, str]:
    return {**os.environ, "PATH": f"{node}{os.pathsep}{os.environ.get('PATH', '')}"}


def node_folder() -> Path:
    """Where `node` and `npm` are: on PATH if they are new enough, else in the virtual environment."""
    found = shutil.which("node")
    if found and shutil.which("npm") and version(found) >= OLDEST_NODE:
        return Path(found).parent
    interpreter = python()
    folder = Path(interpreter).parent
    if not (folder / "npm").exists():
        oldest = ".".join(map(str, OLDEST_NODE))
        try:
            install(interpreter, f"Installing Node.js, of which {oldest} or newer is not on PATH", [NODE_LOCK])
        except Refused as refused:
            raise Refused(f"Node.js {oldest} with npm is not on PATH, and pip did not bring it. {refused}") from refused
    return folder


def version(node: str) -> tuple[int, ...]:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    return tuple(int(part) for part in re.findall(r"\d+", said)[:2])
