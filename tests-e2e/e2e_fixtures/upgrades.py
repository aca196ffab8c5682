"""Two versions of a service at once on one PostgreSQL server, and visitors that use both.

The older version comes from git: the last commit without the newest migration. It runs with this version's packages.
"""

import io
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

import pytest
from deploy.local.services import code_path

from e2e_fixtures.checkout import ROOT
from e2e_fixtures.killable import Process
from e2e_fixtures.waiting import wait_until

VISITORS = 3


@dataclass
class Visitors:
    """Visitors that begin at one of the running versions and continue at another, again and again.

    `visit` returns what went wrong, or "".
    """

    visit: Callable[[str, str], str]
    urls: list[str]
    visits: int = 0
    failures: list[str] = field(default_factory=list)
    leaving: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def come_and_go(self) -> None:
        while not self.leaving.is_set():
            for here, there in product(self.urls, repeat=2):
                outcome = self.visit(here, there)
                with self._lock:
                    self.visits += 1
                    self.failures += [outcome] if outcome else []

    def wait_for(self, visits: int) -> None:
        wanted = self.visits + visits
        wait_until(lambda: self.visits >= wanted, 120)


@contextmanager
def versions(service: str, folder: Path, ports: tuple[int, int], environ: Mapping[str, str]) -> Iterator[list[Process]]:
    """The older version and this one on one empty database; neither is started yet."""
    module = service.replace("-", "_")
    codes = {"older": _extract_older(service, module, folder), "newer": ROOT / service}
    paths = {name: code_path(service.removesuffix("-service"), code) for name, code in codes.items()}
    both = [
        Process(
            [module, "serve"],
            {**environ, "PYTHONPATH": path},
            port,
            folder / f"{name}.log",
        )
        for (name, path), port in zip(paths.items(), ports, strict=True)
    ]
    try:
        yield both
    finally:
        for process in both:
            process.kill()


def upgrade(before: Process, after: Process, visit: Callable[[str, str], str]) -> list[str]:
    """Migrate, start the new version beside the old one, send all visitors to it, and end the old one.

    Returns the visitors' failures. The old version stays ready on the newer schema.
    """
    migrate(before)
    before.start()
    wait_until(before.is_ready, 90)
    visitors = Visitors(visit, [before.url])
    with ThreadPoolExecutor(VISITORS) as crowd:
        coming = [crowd.submit(visitors.come_and_go) for _ in range(VISITORS)]
        try:
            visitors.wait_for(5)
            migrate(after)
            visitors.wait_for(10)
            assert before.is_ready(), "the old version is not ready after the migration"
            after.start()
            wait_until(after.is_ready, 90)
            visitors.urls = [before.url, after.url]
            visitors.wait_for(40)
            visitors.urls = [after.url]
            visitors.wait_for(4 * VISITORS + 1)  # so that no visit to the older one is still under way
            before.kill()
            visitors.wait_for(5)
        finally:
            visitors.leaving.set()
    for each in coming:
        each.result()
    return visitors.failures


def migrate(process: Process) -> None:
    command = [sys.executable, "-P", "-m", process.arguments[0], "migrate"]
    subprocess.run(command, cwd=process.log.parent, env=process.environ, check=True, capture_output=True)


def _extract_older(service: str, module: str, folder: Path) -> Path:
    """Extract the older version. A shallow clone, as in some CIs, has none, so the test is skipped."""
    migrations = f"{service}/{module}/migrations/versions"
    newest = sorted(path.name for path in (ROOT / migrations).glob("[0-9]*.py"))[-1]
    added = _git("log", "-1", "--diff-filter=A", "--format=%H", "--", f"{migrations}/{newest}").decode().strip()
    if not added or _git("rev-parse", "--is-shallow-repository") == b"true\n":
        pytest.skip("git does not have the commit before the newest migration")
    before = _last_of(f"{added}^", migrations)
    with tarfile.open(fileobj=io.BytesIO(_git("archive", before, service))) as archive:
        archive.extractall(folder / "older", filter="data")
    return folder / "older" / service


def _last_of(commit: str, migrations: str) -> str:
    """The last commit, up to this one, all of whose migrations are still there.

    A branch that was merged late has given its migration another number.
    """
    ours = {path.name for path in (ROOT / migrations).glob("[0-9]*.py")}
    for each in _git("rev-list", "--first-parent", "--max-count=50", commit).decode().split():
        files = _git("ls-tree", "--name-only", f"{each}:{migrations}").decode().split()
        if {name for name in files if name[0].isdigit()} <= ours:
            return each
    raise AssertionError(f"no commit before {commit} has the migrations of this version")


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True).stdout
