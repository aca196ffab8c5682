"""Groups of tests: the tests of one group run in one process, one after the other.

A file is a group of its own, because its tests share module fixtures. Files that share one expensive thing are one
group, so that it is started once: the stack, or the engine's images. pytest-xdist's own groups (`--dist loadgroup`)
write the group's name into the test's, which pytest 9.2 no longer lets it; so each process that runs tests leaves a
file with the groups, and the one that hands them out reads it.
"""

from __future__ import annotations

import json
import os
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from xdist.remote import Producer

SHARED = {"built": "containers", "stack": "stack", "provider": "stack", "todo_process": "todo-service alone"}
# Groups that take a minute or more, the longest first. They are started first: a long one started last would run alone.
LONG: Sequence[str] = ("containers", "stack")
NAME = "groups.json"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the groups in the order in which they are started, and tell the process that hands them out."""
    given: dict[str, str] | None = getattr(config, "workerinput", None)
    if given is None or "groups" not in given:
        return
    marked = {_file(item.nodeid): str(mark.args[0]) for item in items for mark in item.iter_markers("xdist_group")}
    names = {_file(item.nodeid): name for item in items for name in _shared(item)} | marked
    groups: dict[str, list[pytest.Item]] = {}
    for item in items:
        file = _file(item.nodeid)
        groups.setdefault(names.get(file, file), []).append(item)
    order = sorted(groups, key=lambda name: (_rank(name), -len(groups[name])))
    items[:] = [item for name in order for item in groups[name]]
    told = Path(given["groups"], NAME)
    draft = told.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps(names), encoding="utf-8")
    draft.replace(told)


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def _rank(group: str) -> int:
    return LONG.index(group) if group in LONG else len(LONG)


def _shared(item: pytest.Item) -> Iterator[str]:
    """The groups of the shared fixtures that a test uses. A file may have a fixture of the same name for itself."""
    used, own = getattr(item, "fixturenames", ()), vars(getattr(item, "module", None) or object)
    return (group for fixture, group in SHARED.items() if fixture in used and fixture not in own)


class HandingOut:
    """What only the process that hands the tests out does."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="test-groups-")

    @pytest.hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        node.workerinput["groups"] = self.folder.name

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Producer) -> object:
        from xdist.scheduler import LoadScopeScheduling

        @cache
        def names() -> dict[str, str]:
            told: dict[str, str] = json.loads(Path(self.folder.name, NAME).read_text(encoding="utf-8"))
            return told

        def group(nodeid: str) -> str:
            return names().get(_file(nodeid), _file(nodeid))

        scheduling = LoadScopeScheduling(config, log)
        scheduling._split_scope = group  # by which it shares out; first asked when all tests are collected
        return scheduling

    def pytest_unconfigure(self) -> None:
        self.folder.cleanup()


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("numprocesses", default=None) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(HandingOut())
