"""A folder in the place of `.run`, for the tests of run.py."""

from __future__ import annotations

from pathlib import Path

import pytest
import run as verbs
from deploy.local import packages, processes, progress, services, state, up


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that takes the place of `.run`."""
    for module in (state, packages, processes, progress, services, up, verbs):
        for name, path in (("STATE", tmp_path), ("LOGS", tmp_path), ("RUNNING", tmp_path / "run.json")):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, path)
    return tmp_path
