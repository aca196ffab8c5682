"""A copy of this checkout. `./run.py` keeps its state beside itself, so a copy has its own databases, secrets and
ports, and the developer's stack on :8080 is not touched.
"""

import os
import shutil
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Self

from deploy.local.state import LOGS
from deploy.local.waiting import Refused
from deploy.local.web import build

ROOT = Path(__file__).resolve().parents[2]
TIMEOUT = 600
SETTINGS = ("AUTH_", "TODO_", "GATEWAY_", "ISSUER")
# Compiled modules are copied too: they are valid in the copy, and compiling again takes seconds.
NOT_COPIED = shutil.ignore_patterns(".git", ".run", ".venv", "node_modules", ".hypothesis", ".*_cache", "*.pyc.*")


@dataclass(frozen=True)
class Checkout:
    folder: Path

    @classmethod
    def copy(cls, folder: Path, *, packages: bool = True) -> Self:
        """Copy the working tree with its uncommitted changes.

        With `packages` the copy uses this checkout's installed packages and its built web application.
        """
        shutil.copytree(ROOT, folder, ignore=NOT_COPIED)
        state = folder / ".run"
        state.mkdir()
        if packages:
            _build_web_application()
        for pattern in ("venv-*", "web-*") if packages else ():
            for made in (ROOT / ".run").glob(pattern):
                if made.is_dir():
                    (state / made.name).symlink_to(made)
        return cls(folder)

    def run(self, *arguments: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
        """Run ./run.py in the copy with these settings only."""
        command, environ = [sys.executable, "run.py", *arguments], {**ambient(), **environ}
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environ,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )


@cache
def _build_web_application() -> None:
    """Build the web application once, here, for all copies. If the build fails, its own tests report that."""
    LOGS.mkdir(parents=True, exist_ok=True)
    with suppress(Refused):
        build()


def ambient() -> dict[str, str]:
    """This process's environment without the system's settings."""
    return {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
