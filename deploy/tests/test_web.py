"""The web application's own checks, with the packages that its lock names."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from deploy.local import web
from deploy.local.state import LOGS
from deploy.local.waiting import Refused

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def installed() -> tuple[Path, dict[str, str]]:
    LOGS.mkdir(parents=True, exist_ok=True)
    try:
        node = web.node_folder()
    except Refused as refused:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(refused))
    return web.installed(node, production=False), web.environment(node)


@pytest.mark.parametrize("check", ["tsc --noEmit", "vitest run --reporter=tap-flat"])
def test_check_passes(installed: tuple[Path, dict[str, str]], check: str) -> None:
    """Types as strict as they can be; `lib/` against recorded and failing answers."""
    folder, environ = installed
    command = [str(folder / "node_modules/.bin" / check.split()[0]), *check.split()[1:]]
    ran = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_same_sources_are_built_once() -> None:
    """A second start finds the folder of the first."""
    before = web.digest(*web.BUILT_FROM)
    assert web.digest(*web.BUILT_FROM) == before
    assert web.digest(*web.BUILT_FROM[1:]) != before
