"""Node.js and npm packages, for the frontends. The services need neither."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from deploy.local.packages import install, python
from deploy.local.progress import run_with_progress
from deploy.local.state import ROOT, STATE
from deploy.local.waiting import Refused

NODE_LOCK = ROOT / "todo-service/web/requirements.txt"
OLDEST_NODE = (20, 19)  # Vite's minimum
LOCKED = ("package.json", "package-lock.json", ".npmrc")


def node_folder() -> Path:
    """The folder of `node` and `npm`: on PATH if they are new enough, else in the virtual environment, by pip.

    Raises:
        Refused: they are not on PATH, and pip cannot install them.
    """
    found = shutil.which("node")
    if found and shutil.which("npm") and version(found) >= OLDEST_NODE:
        return Path(found).parent
    interpreter = python()
    folder = Path(interpreter).parent
    if not (folder / "npm").exists():
        oldest = ".".join(map(str, OLDEST_NODE))
        try:
            install(interpreter, f"Installing Node.js, because {oldest} or newer is not on PATH", [NODE_LOCK])
        except Refused as refused:
            raise Refused(
                f"Node.js {oldest} with npm is not on PATH, and pip cannot install it. {refused}"
            ) from refused
    return folder


def version(node: str) -> tuple[int, ...]:
    said = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    return tuple(int(part) for part in re.findall(r"\d+", said)[:2])


def environment(node: Path) -> dict[str, str]:
    return {**os.environ, "PATH": f"{node}{os.pathsep}{os.environ.get('PATH', '')}"}


def installed(sources: Path, node: Path, *, production: bool) -> Path:
    """A copy of the sources with the packages of their lock, installed by hash and without running their scripts."""
    kind = sources.name if production else f"{sources.name}-tests"
    work = STATE / f"npm-{kind}-{digest(sources, LOCKED)}"
    complete = work / "is-complete"  # written last, so that an interrupted installation is not taken for complete
    for folder in (path for path in sources.iterdir() if path.is_dir() and path.name != "node_modules"):
        shutil.rmtree(work / folder.name, ignore_errors=True)  # a file that was deleted must not be built
    shutil.copytree(sources, work, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules", "dist"))
    if not complete.exists():
        command = [str(node / "npm"), "ci", *(["--omit=dev"] if production else [])]
        run_with_progress(f"Installing npm packages for {kind}", command, environment(node), cwd=work)
        complete.touch()
    return work


def digest(sources: Path, names: tuple[str, ...]) -> str:
    """A hash of the names and contents of these files, and of all files in these folders."""
    paths = [path for name in names for path in sorted((sources / name).rglob("*")) or [sources / name]]
    files = [path for path in paths if path.is_file()]
    content = b"\0".join(bytes(path.relative_to(sources)) + b"\0" + path.read_bytes() for path in files)
    return hashlib.sha256(content).hexdigest()[:12]
