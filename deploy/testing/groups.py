"""Groups of tests: the tests of one group run in one process, one after the other.

A file is a group of its own, because its tests share module fixtures. Files that share an expensive fixture (the stack,
or the engine's images) are one group, so that it is started once. pytest-xdist's own groups (`--dist loadgroup`) add
the group's name to the test's, which pytest 9.2 no longer allows; so the workers pass the groups to the controller
(telling.py).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import pytest
from deploy.testing.telling import is_worker, tell, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from xdist.remote import Producer

SHARED = {"built": "containers", "stack": "stack", "provider": "stack", "todo_process": "todo-service alone"}
# Groups that take a minute or more, the longest first. They are started first: a long one that started last would run
# alone at the end.
LONG: Sequence[str] = (
    "containers",
    "stack",
    "auth-service/tests/test_lockout.py",
    "auth-service/tests/test_revocation.py",
    "tests-e2e/test_kills.py",
    "tests-e2e/test_upgrade.py",
    "auth-service/tests/test_key_rotation.py",
    "auth-service/tests/test_commands.py",
    "tests-e2e/test_run.py",
)
NAME = "groups"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Sort the tests by group, in the order in which groups start, and pass the groups to the controller."""
    if not is_worker(config):
        return
    marked = {_file(item.nodeid): str(mark.args[0]) for item in items for mark in item.iter_markers("xdist_group")}
    names = {_file(item.nodeid): name for item in items for name in _shared(item)} | marked
    groups: dict[str, list[pytest.Item]] = {}
    for item in items:
        file = _file(item.nodeid)
        groups.setdefault(names.get(file, file), []).append(item)
    order = sorted(groups, key=lambda name: (_rank(name), -len(groups[name])))
    items[:] = [item for name in order for item in groups[name]]
    tell(config, NAME, names)


def _file(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def _rank(group: str) -> int:
    return LONG.index(group) if group in LONG else len(LONG)


def _shared(item: pytest.Item) -> Iterator[str]:
    """The groups of the shared fixtures that a test uses. A file's own fixture of the same name does not count."""
    used, own = getattr(item, "fixturenames", ()), vars(getattr(item, "module", None) or object)
    return (group for fixture, group in SHARED.items() if fixture in used and fixture not in own)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> object:
    from xdist.scheduler import LoadScopeScheduling

    @cache
    def names() -> dict[str, str]:
        return told(config, NAME) or {}

    def group(nodeid: str) -> str:
        return names().get(_file(nodeid), _file(nodeid))

    scheduling = LoadScopeScheduling(config, log)
    scheduling._split_scope = group  # xdist groups tests by it; first called when all tests are collected
    return scheduling
