"""`--fast`: only tests that need no server, container, browser or process, in about two minutes on two cores.

A test is left out because of its folder, because one of its fixtures is or starts a server, or because of its marker
`process`. In a fast run, a test that starts a process fails, so no test can be forgotten.
"""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from deploy.testing.telling import is_worker, tell, told

if TYPE_CHECKING:
    from collections.abc import Generator

NAME = "left out"
WHOLE_SYSTEM = Path(__file__).parents[2] / "tests-e2e"
READ_FILES_ONLY = ("conftest.py", "test_architecture.py", "test_twins.py")  # its tests that need no running system
SERVER = "with a PostgreSQL, a Redis, an nginx, a container or a browser"
PROCESS = "that start processes (marker `process`)"
# Parts of the names of fixtures that are a server or start one.
SERVERS = ("postgres", "redis", "nginx", "gateway", "starter", "built", "chromium", "server_of_module")
# Parameters of fixtures that choose a store; "unfiltered" and "unprotected" are todo-service's PostgreSQL.
STORES = ("postgres", "postgresql", "unfiltered", "unprotected", "redis", "on_postgres")
STARTS = ("subprocess.Popen", "os.exec", "os.posix_spawn", "os.spawn", "os.system")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--fast", action="store_true", help="only tests that need no server, container, browser or process"
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("fast") and not config.pluginmanager.has_plugin("fast"):
        config.pluginmanager.register(Fast(), "fast")


def why_left_out(item: pytest.Item) -> str | None:
    """Why a test is left out, or None for a fast test."""
    if item.get_closest_marker("process"):
        return PROCESS
    parameters = getattr(item, "callspec", None)
    names = [*getattr(item, "fixturenames", ())]
    on_a_server = parameters and any(each in STORES for each in parameters.params.values() if isinstance(each, str))
    if on_a_server or any(part in name for part in SERVERS for name in names):
        return SERVER
    return None


class Fast:
    """Chooses the fast tests, counts the others, and fails fast tests that start a process."""

    def __init__(self) -> None:
        self.left_out: Counter[str] = Counter()
        self.is_guarding = False
        sys.addaudithook(self._audit)

    def _audit(self, event: str, _arguments: object) -> None:
        if self.is_guarding and event in STARTS:
            raise RuntimeError("A fast test starts a process. Mark it: @pytest.mark.process")

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        reasons = [why_left_out(item) for item in items]
        self.left_out = Counter(reason for reason in reasons if reason)
        tell(config, NAME, self.left_out)
        config.hook.pytest_deselected(items=[item for item, why in zip(items, reasons, strict=True) if why])
        items[:] = [item for item, why in zip(items, reasons, strict=True) if not why]

    def pytest_ignore_collect(self, collection_path: Path) -> bool | None:
        """Do not even import the files of tests-e2e that need servers: that takes seconds."""
        is_left_out = collection_path.parent == WHOLE_SYSTEM and collection_path.name not in READ_FILES_ONLY
        return True if is_left_out else None

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self) -> Generator[None, object, object]:
        self.is_guarding = True
        try:
            return (yield)
        finally:
            self.is_guarding = False

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
        if not is_worker(config):
            left_out = told(config, NAME) or self.left_out
            counts = "".join(f"; {number} {why}" for why, number in left_out.items())
            terminalreporter.write_line(f"Left out by --fast: most of {WHOLE_SYSTEM.name}{counts}")
