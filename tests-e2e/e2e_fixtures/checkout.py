"""A copy of this checkout: `./run.py` keeps its state beside itself, so a copy has databases, secrets and ports of its
own, and the developer's stack, up on :8080 meanwhile, is not touched.
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
# Compiled modules are copied: they are valid there too, and compiling anew takes seconds.
NOT_COPIED = shutil.ignore_patterns(".git", ".run", ".venv", "node_modules", ".hypothesis", ".*_cache", "*.pyc.*")


@dataclass(frozen=True)
class Checkout:
    folder: Path

    @classmethod
    def copy(cls, folder: Path, *, packages: bool = True) -> Self:
        """Copy the working tree as it is, uncommitted changes too; `packages` lends it the installed ones, and the web
        application as it was built."""
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
        """Run ./run.py there, with no settings but these."""
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
    """Once, here, so that no copy has to; where it cannot be built, its own tests say so."""
    LOGS.mkdir(parents=True, exist_ok=True)
    with suppress(Refused):
        build()


def ambient() -> dict[str, str]:
    """This process's environment, without anybody's settings for the system."""
    return {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
