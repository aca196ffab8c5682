"""The web application is built once for each state of its sources."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from deploy.local import node, web

if TYPE_CHECKING:
    from pathlib import Path


def test_every_change_of_the_sources_is_another_build(tmp_path: Path) -> None:
    """A build is found by the hash of its sources."""
    sources = tmp_path / "web"
    shutil.copytree(web.SOURCES, sources, ignore=shutil.ignore_patterns("node_modules", "dist"))
    assert node.digest(sources, web.BUILT_FROM) == node.digest(web.SOURCES, web.BUILT_FROM)
    for name in ("src/lib/auth.ts", "index.html", "package-lock.json"):
        before = node.digest(sources, web.BUILT_FROM)
        with (sources / name).open("a") as file:
            file.write(" ")
        assert node.digest(sources, web.BUILT_FROM) != before
