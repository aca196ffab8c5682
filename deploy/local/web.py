"""Build the web application, once for each state of its sources.

It is optional: if it cannot be built, the reason is printed and everything else starts.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from deploy.local.node import LOCKED, digest, environment, installed, node_folder
from deploy.local.progress import run_with_progress
from deploy.local.state import ROOT, STATE, lock

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = ROOT / "todo-service/web"
BUILT_FROM = ("src", "public", "index.html", "vite.config.ts", *LOCKED)


def build() -> Path:
    """The folder to serve; builds it first if these sources have not been built yet.

    Raises:
        Refused: it cannot be built here; the message has the reason and the remedy.
    """
    folder = STATE / f"web-{digest(SOURCES, BUILT_FROM)}"
    if folder.exists():
        return folder
    with lock("web.lock"):
        if not folder.exists():
            node = node_folder()
            work = installed(SOURCES, node, production=True)
            draft = work / "dist"
            shutil.rmtree(draft, ignore_errors=True)
            command = [str(work / "node_modules/.bin/vite"), "build", "--outDir", str(draft)]
            run_with_progress("Building the web application", command, environment(node), cwd=work)
            for old in STATE.glob("web-*"):
                if old.is_dir() and not old.is_symlink():
                    shutil.rmtree(old)
            draft.replace(folder)  # last, so that an interrupted build is not taken for complete
    return folder
