"""The checks that TypeScript code brings along, with the packages of its lock: the web application and the verifier."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from deploy.local import node, web
from deploy.local.state import LOGS, ROOT
from deploy.local.waiting import Refused

if TYPE_CHECKING:
    from pathlib import Path

VERIFIER = ROOT / "todo-service/verifier/typescript"
VITEST = "vitest run --reporter=tap-flat --testTimeout=60000 --hookTimeout=60000"


@pytest.fixture(scope="module", params=[web.SOURCES, VERIFIER], ids=["web", "verifier"])
def installed(request: pytest.FixtureRequest) -> tuple[Path, dict[str, str]]:
    LOGS.mkdir(parents=True, exist_ok=True)
    try:
        folder = node.node_folder()
    except Refused as refused:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(str(refused))
    environ = {**node.environment(folder), "ATJWT_VECTORS": str(VERIFIER.parent / "vectors")}
    return node.installed(request.param, folder, production=False), environ


@pytest.mark.process
@pytest.mark.parametrize("check", ["tsc --noEmit", VITEST])
def test_check_passes(installed: tuple[Path, dict[str, str]], check: str) -> None:
    """tsc at its strictest; the web application's tests of `lib/`; the verifier's, which include all vectors."""
    folder, environ = installed
    command = [str(folder / "node_modules/.bin" / check.split()[0]), *check.split()[1:]]
    ran = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=600, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr
