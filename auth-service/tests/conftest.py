"""The service over HTTP, on SQLite and on PostgreSQL, with a clock that the test holds."""

import asyncio
import os
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest
import uvicorn
from httpx2._config import DEFAULT_TIMEOUT_CONFIG

from auth_service.app import check_start, create_app
from auth_service.commands.serving import Server
from auth_service.migrations import migrate
from auth_service.network import outbound
from auth_service.settings.settings import Settings, load_settings
from auth_service.store import database
from auth_service.telemetry import logs
from auth_service.telemetry.private_port import listen
from auth_service.worker.schedule import Pace

TABLES = (
    "status_indexes", "account_events", "event_deliveries", "consents", "authorization_requests", "logout_requests",
    "refresh_token_families", "authorization_codes", "grants", "client_origins", "identities", "browser_sessions",
    "accounts", "attempts", "leases", "verifier_reports", "clients", "used_assertions",
)  # fmt: skip
ISSUER = "http://localhost:8080"
PASSWORD = "correct-horse-1"
SECRET = "1:cG5vZ3V0cm93eWVr-MJ4kq8Zt2vXw7Lr"
KEY_ENCRYPTION_KEYS = "1:bWF5dGhlZm9yY2Vi-9fQzT3nYp6HsVd1"


@dataclass
class Clock:
    """Real time, until a test moves or stops it."""

    offset: timedelta = timedelta()
    stopped_at: datetime | None = None

    def __call__(self) -> datetime:
        return (self.stopped_at or datetime.now(UTC)) + self.offset

    def stop(self) -> None:
        self.stopped_at = datetime.now(UTC)

    def advance(self, **duration: float) -> None:
        self.offset += timedelta(**duration)


@dataclass
class Store:
    """A database, read and changed past the service, and the commands on it."""

    database_url: str

    def environment(self, **changes: str) -> dict[str, str]:
        """What a command needs to work on the same store."""
        return {"PATH": os.environ["PATH"], **environment(self.database_url), **changes}

    def command(self, *arguments: str, stdin: str = "", **changes: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "auth_service", *arguments]
        folder = Path(__file__).parents[1]
        return subprocess.run(
            command,
            cwd=folder,
            env=self.environment(**changes),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=180,
        )

    def started(self, *arguments: str, stdout: int | None = None, **changes: str) -> subprocess.Popen[str]:
        """A command that goes on while the test does; the test sees to its end."""
        command = [sys.executable, "-m", "auth_service", *arguments]
        folder, env = Path(__file__).parents[1], self.environment(**changes)
        return subprocess.Popen(command, cwd=folder, env=env, text=True, stdout=stdout)

    def execute(self, statement: str) -> None:
        """Change what is stored, past the service."""
        if self.database_url.startswith("sqlite"):
            with closing(sqlite3.connect(self.database_url.partition(":///")[2], 60)) as connection:
                connection.execute(statement)
                connection.commit()
        else:
            with psycopg.connect(self.database_url.replace("+psycopg", "")) as postgres:
                postgres.execute(statement.encode())

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What is stored, read past the service."""
        if self.database_url.startswith("sqlite"):
            with closing(sqlite3.connect(self.database_url.partition(":///")[2], 60)) as connection:
                rows: list[tuple[Any, ...]] = connection.execute(query).fetchall()
            return rows
        with psycopg.connect(self.database_url.replace("+psycopg", "")) as postgres:
            return postgres.execute(query.encode()).fetchall()


@dataclass
class Service(Store):
    """One running auth-service: its store, its address, and clients for it."""

    url: str
    clock: Clock
    settings: Settings
    metrics_url: str
    opened: list[httpx2.Client] = field(default_factory=list)

    def client(self, **options: Any) -> httpx2.Client:
        """A browser on the issuer's own pages: it keeps cookies, and sends the Origin."""
        options.setdefault("headers", {"Origin": ISSUER})
        self.opened.append(httpx2.Client(base_url=f"{self.url}/api/auth", timeout=30, **options))
        return self.opened[-1]

    def signed_up(self, email: str | None = None, **members: object) -> httpx2.Client:
        client = self.client()
        body = {"name": "Ann", "email": email or f"{secrets.token_hex(6)}@example.com", "password": PASSWORD, **members}
        response = client.post("/sign-up/email", json=body)
        assert response.status_code == 200, response.text
        return client

    def close_clients(self) -> None:
        while self.opened:
            self.opened.pop().close()


def environment(database_url: str) -> dict[str, str]:
    return {
        "AUTH_ISSUER": ISSUER,
        "AUTH_SECRET": SECRET,
        "AUTH_KEY_ENCRYPTION_KEYS": KEY_ENCRYPTION_KEYS,
        "AUTH_DATABASE_URL": database_url,
        "AUTH_TRUSTED_ORIGINS": "https://app.example.com,https://*.apps.example.com",
        "AUTH_HASHING_THREADS": "2",
    }


@pytest.fixture(scope="session", autouse=True)
def quiet_logs() -> None:
    logs.configure("ERROR")


@pytest.fixture(scope="session", autouse=True)
def patience() -> Iterator[None]:
    """Deadlines after which nobody is kept waiting; and a busy machine, or a virtual one that stands still, is late.

    Those of httpx2 are for all calls that name none of their own.
    """
    minute = timedelta(minutes=1)
    with pytest.MonkeyPatch.context() as patched:
        for phase in ("connect", "read", "write", "pool"):
            patched.setattr(DEFAULT_TIMEOUT_CONFIG, phase, minute.total_seconds())
        patched.setattr(database, "POOL_TIMEOUT", minute)
        patched.setitem(database.REACHABILITY, "connect_timeout", int(minute.total_seconds()))
        patched.setattr(outbound, "TOTAL_TIMEOUT", minute)
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL server: a container where an engine has the image, Debian's server otherwise."""
    if has_image("postgres:17"):
        os.environ["TESTCONTAINERS_RYUK_DISABLED"] = "true"
        from testcontainers.community.postgres import PostgresContainer

        with PostgresContainer("postgres:17", driver="psycopg") as container:
            yield container.get_connection_url()
        return
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not binaries:
        missing = "PostgreSQL: neither a Docker engine with postgres:17 nor Debian's postgresql package is here"
        pytest.fail(missing) if os.environ.get("CI") == "true" else pytest.skip(missing)
    yield from local_postgres(binaries[-1])


def has_image(name: str) -> bool:
    if shutil.which("docker") is None:
        return False
    return subprocess.run(["docker", "image", "inspect", name], capture_output=True, timeout=120).returncode == 0


def local_postgres(binaries: Path) -> Iterator[str]:
    """Debian's server in a folder of its own. It refuses to run as root, so root hands it to `postgres`."""
    folder = Path(tempfile.mkdtemp(prefix="auth-service-postgres-"))
    as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(folder, "postgres", "postgres")
    port = free_port()
    run = [*as_user, str(binaries / "initdb"), "-D", f"{folder}/data", "-U", "test", "-A", "trust", "-N"]
    subprocess.run(run, check=True, capture_output=True)
    options = ["-p", str(port), "-k", str(folder), "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"]
    server = subprocess.Popen(
        [*as_user, str(binaries / "postgres"), "-D", f"{folder}/data", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: accepts(port))
        yield f"postgresql+psycopg://test@127.0.0.1:{port}/postgres"
    finally:
        server.send_signal(signal.SIGINT)  # SIGTERM would wait for whoever is connected
        server.wait(60)
        shutil.rmtree(folder)


def accepts(port: int) -> bool:
    try:
        psycopg.connect(host="127.0.0.1", port=port, user="test", dbname="postgres").close()
    except psycopg.OperationalError:
        return False
    return True


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "auth.db"
    prepare(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: str) -> str:
    base = postgres.rpartition("/")[0]
    with psycopg.connect(postgres.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute("CREATE DATABASE auth_template")
    prepare(f"{base}/auth_template")
    return base


def prepare(url: str) -> None:
    """Migrate, and make the signing keys once for all tests: each pair takes a fifth of a second."""
    migrate(url)
    asyncio.run(check_start(load_settings(environment(url))))


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{shutil.copy(sqlite_template, tmp_path / 'auth.db')}"


@pytest.fixture
def postgres_url(postgres: str, postgres_template: str) -> Iterator[str]:
    name = f"auth_{secrets.token_hex(6)}"
    with psycopg.connect(postgres.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE auth_template".encode())
        yield f"{postgres_template}/{name}"
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


Start = Callable[..., Service]


@dataclass
class Running:
    """A service with the thread that serves it."""

    service: Service
    server: uvicorn.Server
    thread: threading.Thread

    def stop(self) -> None:
        self.service.close_clients()
        self.server.should_exit = True
        self.thread.join(60)


def serve(database_url: str, **changes: str) -> Running:
    clock = Clock()
    settings = load_settings({**environment(database_url), **changes})
    app = create_app(settings, clock=clock)
    proxies = list(settings.trusted_proxies)
    config = uvicorn.Config(app, port=0, log_config=None, access_log=False, forwarded_allow_ips=proxies)
    scrapes = listen("127.0.0.1", 0)
    metrics_url = f"http://127.0.0.1:{scrapes.getsockname()[1]}/metrics"
    server = Server(config, app, Pace(settings.key_rotation_interval, settings.key_spare_min_age), scrapes)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started or not thread.is_alive())
    assert server.started, "the service refused to start"
    port = server.servers[0].sockets[0].getsockname()[1]
    return Running(Service(database_url, f"http://127.0.0.1:{port}", clock, settings, metrics_url), server, thread)


@pytest.fixture
def start() -> Iterator[Start]:
    """Start services of the test's own: with other settings, or to be broken."""
    running: list[Running] = []

    def start_one(database_url: str, **changes: str) -> Service:
        running.append(serve(database_url, **changes))
        return running[-1].service

    yield start_one
    for one in running:
        one.stop()


@pytest.fixture(scope="session")
def sqlite_running(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    path = shutil.copy(sqlite_template, tmp_path_factory.mktemp("shared") / "auth.db")
    running = serve(f"sqlite+aiosqlite:///{path}")
    yield running.service
    running.stop()


@pytest.fixture(scope="session")
def postgres_running(postgres: str, postgres_template: str) -> Iterator[Service]:
    with psycopg.connect(postgres.replace("+psycopg", ""), autocommit=True) as admin:
        admin.execute("CREATE DATABASE auth_shared TEMPLATE auth_template")
    running = serve(f"{postgres_template}/auth_shared")
    yield running.service
    running.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    """The service, once on SQLite and once on PostgreSQL, with nobody in it."""
    running: Service = request.getfixturevalue("sqlite_running" if request.param == "sqlite" else "postgres_running")
    yield from emptied(running)


@pytest.fixture
def sqlite_service(sqlite_running: Service) -> Iterator[Service]:
    """For what no database has a part in."""
    yield from emptied(sqlite_running)


def emptied(running: Service) -> Iterator[Service]:
    for table in TABLES:
        running.execute(f"DELETE FROM {table}")
    running.clock.offset, running.clock.stopped_at = timedelta(), None
    yield running
    running.close_clients()
