"""A PostgreSQL server for tests that kill it: Debian's, with its default durability settings."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import psycopg
from deploy.local.ports import free_port

from e2e_fixtures.absent import absent
from e2e_fixtures.waiting import wait_until

Rows = Sequence[tuple[Any, ...]]


@dataclass
class Postgres:
    folder: Path
    command: Sequence[str]
    port: int
    server: subprocess.Popen[bytes] | None = None

    def url(self, database: str) -> str:
        return f"postgresql+psycopg://test@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start the server. After a SIGKILL it refuses to start while a process of the old server is left, so retry."""

        def is_up() -> bool:
            if self.server is None or self.server.poll() is not None:
                with (self.folder / "log").open("ab") as log:
                    self.server = subprocess.Popen(self.command, stdout=log, stderr=log, cwd=self.folder)
            return self._accepts()

        wait_until(is_up, 60)

    def kill(self) -> None:
        """Kill the postmaster and every process that it has started."""
        assert self.server is not None
        children = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.server.pid)], capture_output=True, check=True)
        for pid in (self.server.pid, *map(int, children.stdout.split())):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.server.wait(60)

    def kill_backend(self, random: Random) -> None:
        """Kill a backend that serves a client. The server then ends all other backends and recovers by itself.

        The server does not notice the kill of a backend that was about to end anyway; then another one is killed.
        """
        others = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        restarts = self._restarts()

        def is_noticed() -> bool:
            with suppress(ProcessLookupError, psycopg.OperationalError):
                if self._restarts() == restarts and (found := self.rows("postgres", others)):
                    os.kill(random.choice(found)[0], signal.SIGKILL)
                    time.sleep(1)
            return self._restarts() > restarts

        wait_until(is_noticed, 60)
        wait_until(self._accepts, 60)

    def _restarts(self) -> int:
        return (self.folder / "log").read_text().count("all server processes terminated; reinitializing")

    def rows(self, database: str, query: str) -> Rows:
        with psycopg.connect(self._conninfo(database)) as connection:
            return connection.execute(query.encode()).fetchall()

    def execute(self, database: str, statement: str) -> None:
        with psycopg.connect(self._conninfo(database), autocommit=True) as connection:
            connection.execute(statement.encode())

    def _conninfo(self, database: str) -> str:
        return f"host=127.0.0.1 port={self.port} user=test dbname={database} connect_timeout=5"

    def _accepts(self) -> bool:
        try:
            return self.rows("postgres", "SELECT 1") == [(1,)]
        except psycopg.OperationalError:
            return False


@contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Run a server. PostgreSQL refuses to run as root, so root runs it as Debian's user `postgres`."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not binaries:
        absent("Debian's postgresql is not installed")
    folder = Path(tempfile.mkdtemp(prefix="e2e-postgres-"))
    as_user: list[str] = []
    if os.geteuid() == 0:
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        shutil.chown(folder, "postgres", "postgres")
    plain = ("-U", "test", "-A", "trust", "--locale=C", "--encoding=UTF8", "--no-sync")
    initdb = [*as_user, str(binaries[-1] / "initdb"), "-D", f"{folder}/data", *plain]
    subprocess.run(initdb, check=True, capture_output=True, cwd=folder)
    port = free_port()
    options = ["-p", str(port), "-k", str(folder), "-c", "listen_addresses=127.0.0.1"]
    postgres = Postgres(folder, [*as_user, str(binaries[-1] / "postgres"), "-D", f"{folder}/data", *options], port)
    try:
        postgres.start()
        yield postgres
    finally:
        postgres.kill()
        shutil.rmtree(folder, ignore_errors=True)  # killed processes may still write
