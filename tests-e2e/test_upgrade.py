"""An upgrade of auth-service while people come and go: two versions at once on one PostgreSQL.

The version before is taken from git: the last that did not know the newest migration. It runs with this one's packages.
"""

import io
import secrets
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from e2e_fixtures.checkout import ROOT, ambient, free_port
from e2e_fixtures.killable import Process
from e2e_fixtures.people import credentials
from e2e_fixtures.postgres import running_postgres
from e2e_fixtures.stack import NO_TLS
from e2e_fixtures.waiting import wait_until

MIGRATIONS = "auth-service/auth_service/migrations/versions"
VISITORS = 3


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The older version's folder. A shallow clone has none, and CI may make one: that is no fault of the product."""
    newest = sorted(path.name for path in (ROOT / MIGRATIONS).glob("[0-9]*.py"))[-1]
    added = _git("log", "-1", "--diff-filter=A", "--format=%H", "--", f"{MIGRATIONS}/{newest}").decode().strip()
    if not added or _git("rev-parse", "--is-shallow-repository") == b"true\n":
        pytest.skip("git does not have the commit before the newest migration")
    folder = tmp_path_factory.mktemp("older")
    with tarfile.open(fileobj=io.BytesIO(_git("archive", f"{added}^", "auth-service"))) as archive:
        archive.extractall(folder, filter="data")
    return folder / "auth-service"


@dataclass
class Visitors:
    """People who sign up at one of the services that are up, go on at another, and sign out."""

    issuer: str
    urls: list[str]
    visits: int = 0
    failures: list[str] = field(default_factory=list)
    leaving: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def come_and_go(self) -> None:
        while not self.leaving.is_set():
            for here, there in product(self.urls, repeat=2):
                outcome = self._visit(here, there)
                with self._lock:
                    self.visits += 1
                    self.failures += [outcome] if outcome else []

    def wait_for(self, visits: int) -> None:
        wanted = self.visits + visits
        wait_until(lambda: self.visits >= wanted, 120)

    def _visit(self, here: str, there: str) -> str:
        """What went wrong, or nothing."""
        headers, asked = {"Host": urlsplit(self.issuer).netloc, "Origin": self.issuer}, credentials()
        steps: Sequence[tuple[str, str, str, object]] = (
            ("POST", here, "/api/auth/sign-up/email", {"name": "Ann", **asked}),
            ("GET", there, "/api/auth/token", None),
            ("GET", there, "/api/auth/get-session", None),
            ("POST", there, "/api/auth/sign-in/email", asked),
            ("POST", here, "/api/auth/sign-out", {}),
        )
        with httpx2.Client(headers=headers, trust_env=False, verify=NO_TLS, timeout=40) as browser:
            for method, url, path, body in steps:
                try:
                    answer = browser.request(method, url + path, json=body)
                except httpx2.TransportError as error:
                    return f"{method} {path} at {url}: {type(error).__name__}"
                if answer.status_code != 200 or answer.text == "null":
                    return f"{method} {path} at {url}, begun at {here}: {answer.status_code} {answer.text}"
            gone = browser.get(f"{there}/api/auth/get-session")
            return "" if gone.text == "null" else f"signed out at {here}, and still signed in at {there}"


@pytest.fixture
def versions(older: Path, tmp_path: Path) -> Iterator[tuple[Process, Process]]:
    """The older one and this one, on one empty database; neither has been started."""
    with running_postgres() as postgres:
        ports = free_port(), free_port()
        environ = {
            **ambient(),
            "AUTH_ISSUER": f"http://localhost:{ports[0]}",
            "AUTH_SECRET": f"1:{secrets.token_urlsafe(48)}",
            "AUTH_KEY_ENCRYPTION_KEYS": f"1:{secrets.token_urlsafe(48)}",
            "AUTH_DATABASE_URL": postgres.url("postgres"),
            "AUTH_LIMITS": "off",
        }
        before, after = (
            Process(["auth_service", "serve"], {**environ, "PYTHONPATH": str(code)}, port, tmp_path / f"{name}.log")
            for name, code, port in zip(("older", "newer"), (older, ROOT / "auth-service"), ports, strict=True)
        )
        try:
            yield before, after
        finally:
            before.kill()
            after.kill()


def test_nobody_notices_an_upgrade(versions: tuple[Process, Process]) -> None:
    before, after = versions
    _migrate(before)
    before.start()
    wait_until(before.is_ready, 90)
    visitors = Visitors(before.environ["AUTH_ISSUER"], [before.url])
    with ThreadPoolExecutor(VISITORS) as crowd:
        coming = [crowd.submit(visitors.come_and_go) for _ in range(VISITORS)]
        try:
            visitors.wait_for(5)
            _migrate(after)
            visitors.wait_for(10)
            assert before.is_ready(), "it leaves the load balancer too early"
            after.start()
            wait_until(after.is_ready, 90)
            visitors.urls = [before.url, after.url]
            visitors.wait_for(40)
            visitors.urls = [after.url]
            visitors.wait_for(4 * VISITORS + 1)  # whoever was still at the older one is done
            before.kill()
            visitors.wait_for(5)
        finally:
            visitors.leaving.set()
    for each in coming:
        each.result()
    assert visitors.failures == []


def _migrate(process: Process) -> None:
    command = [sys.executable, "-P", "-m", "auth_service", "migrate"]
    subprocess.run(command, cwd=process.log.parent, env=process.environ, check=True, capture_output=True)


def _git(*arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True).stdout
