"""Values that the workers (the processes that run tests) pass to the controller, as JSON, one file per name.

All workers collect the same tests, so they all write the same value, and the last one may overwrite the others.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

FOLDER = "told_in"


def is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def tell(config: pytest.Config, name: str, value: Any) -> None:
    folder = _folder(config)
    if folder is None:
        return
    draft = folder / f"{name}.{os.getpid()}"
    draft.write_text(json.dumps(value), encoding="utf-8")
    draft.replace(folder / name)


def told(config: pytest.Config, name: str) -> Any:
    """The value, or None if no worker has written it."""
    folder = _folder(config)
    if folder is None or not (folder / name).exists():
        return None
    return json.loads((folder / name).read_text(encoding="utf-8"))


def _folder(config: pytest.Config) -> Path | None:
    if is_worker(config):
        given: str | None = config.workerinput.get(FOLDER)  # type: ignore[attr-defined] # pytest-xdist's
        return Path(given) if given else None
    telling = config.pluginmanager.get_plugin("telling")
    return Path(telling.folder.name) if telling else None


class Telling:
    """In the controller: makes the folder and passes its path to the workers."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="tests-told-")

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput[FOLDER] = self.folder.name

    def pytest_unconfigure(self) -> None:
        self.folder.cleanup()


def pytest_configure(config: pytest.Config) -> None:
    if not is_worker(config):
        config.pluginmanager.register(Telling(), "telling")
