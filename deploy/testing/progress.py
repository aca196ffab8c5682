"""With several processes, print a line for each finished file, with the percentage of finished tests.

pytest's own dots would come from all files at once. A test that fails is named at once.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import pytest
from deploy.testing.telling import is_worker

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    Status = tuple[str, str, str | tuple[str, dict[str, bool]]]

SILENCE = 30  # seconds without a line, after which an unfinished file is named


class Progress:
    def __init__(self, terminal: pytest.TerminalReporter) -> None:
        self.terminal = terminal
        self.started = self.written = time.monotonic()
        self.total: Counter[str] = Counter()  # number of tests per file
        self.done: Counter[str] = Counter()
        self.seconds: defaultdict[str, float] = defaultdict(float)
        self.failed: set[str] = set()

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: Sequence[str]) -> None:
        self.total = Counter(each.partition("::")[0] for each in ids)

    @pytest.hookimpl(wrapper=True)
    def pytest_report_teststatus(self) -> Generator[None, Status, Status]:
        """Count the test as usual, but print no dot."""
        category, _, word = yield
        return category, "", word

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file = report.nodeid.partition("::")[0]
        self.seconds[file] += report.duration
        if report.failed:
            self.failed.add(report.nodeid)
            self._write(f"FAILED  {report.nodeid} ({report.when})", red=True)
        if report.when == "teardown":
            self.done[file] += 1
            if self.done[file] == self.total[file]:
                failed = sum(each.partition("::")[0] == file for each in self.failed)
                result = f"{self.total[file]:4} tests {self.seconds[file]:5.0f} s"
                self._write(f"{result}  {file}" + (f"  {failed} failed" if failed else ""))
            elif time.monotonic() > self.written + SILENCE:
                self._write(f"{self.done[file]:4} of {self.total[file]} tests  {file}")

    def _write(self, text: str, **markup: bool) -> None:
        self.written = time.monotonic()
        percent = 100 * self.done.total() // max(1, self.total.total())
        minutes, seconds = divmod(int(time.monotonic() - self.started), 60)
        self.terminal.write_line(f"{percent:3} % {minutes:2}:{seconds:02}  {text}", flush=True, **markup)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    distributes = config.getoption("numprocesses", default=None) and not is_worker(config)
    if distributes and terminal and config.get_verbosity() == 0:
        config.pluginmanager.register(Progress(terminal), "progress")
