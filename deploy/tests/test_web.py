"""The web application's own checks, with the packages of its lock."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from deploy.local import node, web
from deploy.local.state import LOGS
from deploy.local.waiting import Refused

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def installed() -> tuple[Path, dict[str, str]]:
    LOGS.mkdir(parents=True, exist_ok=True)
    try:
        folder = node.node_folder()
    except Refused as refused:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(refused))
    return node.installed(web.SOURCES, folder, production=False), node.environment(folder)


@pytest.mark.process
@pytest.mark.parametrize(
    "check", ["tsc --noEmit", "vitest run --reporter=tap-flat --testTimeout=60000 --hookTimeout=60000"]
)
def test_check_passes(installed: tuple[Path, dict[str, str]], check: str) -> None:
    """tsc at its strictest; the tests of `lib/`, with recorded and failing answers."""
    folder, environ = installed
    command = [str(folder / "node_modules/.bin" / check.split()[0]), *check.split()[1:]]
    ran = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=600, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


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
