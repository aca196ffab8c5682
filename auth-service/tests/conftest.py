"""The service over HTTP, on SQLite and on PostgreSQL, with a clock that tests can stop and move."""

import asyncio
import os
import secrets
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import psycopg
import pytest
import uvicorn
from httpx2._config import DEFAULT_TIMEOUT_CONFIG

from auth_service.accounts.upstreams.dialogue import Upstreams
from auth_service.app import check_start, create_app
from auth_service.clients.cache import ClientCache
from auth_service.commands import serving
from auth_service.migrations import migrate
from auth_service.network import outbound
from auth_service.resources.cache import ResourceCache
from auth_service.settings.settings import Settings, load_settings
from auth_service.status_lists.published import PublishedStatusLists
from auth_service.store import database
from auth_service.store.database import Database
from auth_service.telemetry import logs
from auth_service.telemetry.private_port import listen
from auth_service.worker.schedule import Pace

from .operator_commands import FOLDER, Done, call_command, command_line, run_command
from .postgres_server import made_database, running_postgres
from .registry import SET_UP, set_up
from .thrift import quick_reload, real_hashing, thrift
from .waiting import wait_until

__all__ = ["quick_reload", "real_hashing", "thrift"]  # fixtures

ISSUER = "http://localhost:8080"
T = TypeVar("T")
PASSWORD = "correct-horse-1"
SECRET = "1:cG5vZ3V0cm93eWVr-MJ4kq8Zt2vXw7Lr"
KEY_ENCRYPTION_KEYS = "1:bWF5dGhlZm9yY2Vi-9fQzT3nYp6HsVd1"


@dataclass
class Clock:
    """A clock that shows real time until a test moves or stops it."""

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
    """A database that the test reads and changes directly, and the commands that use it."""

    database_url: str

    def environment(self, **changes: str) -> dict[str, str]:
        """The environment for a command that uses this database."""
        return {"PATH": os.environ["PATH"], **environment(self.database_url), **changes}

    def command(self, *arguments: str, stdin: str = "", **changes: str) -> Done:
        """Call a command in this process; return its output and exit code."""
        return call_command(arguments, self.environment(**changes), stdin)

    def process(self, *arguments: str, stdin: str = "", **changes: str) -> Done:
        """Run a command as a process; return its output and exit code."""
        return run_command(arguments, self.environment(**changes), stdin)

    def started(self, *arguments: str, stdout: int | None = None, **changes: str) -> subprocess.Popen[str]:
        """Start a command as a process; the test has to end it."""
        env = self.environment(**changes)
        return subprocess.Popen(command_line(arguments), cwd=FOLDER, env=env, text=True, stdout=stdout)

    def execute(self, statement: str) -> None:
        """Run a statement on the database directly."""
        if self.database_url.startswith("sqlite"):
            with closing(sqlite3.connect(self.database_url.partition(":///")[2], 60)) as connection:
                connection.execute(statement)
                connection.commit()
        else:
            with psycopg.connect(self.database_url.replace("+psycopg", "")) as postgres:
                postgres.execute(statement.encode())

    def empty(self) -> None:
        """Delete the rows that tests have made, in one transaction."""
        anew = self.set_up  # read first
        tables = dict.fromkeys([*self.empty_at_first, *reversed(SET_UP)])
        deletions = "".join(f"DELETE FROM {table};" for table in tables) + anew
        if self.database_url.startswith("sqlite"):
            with closing(sqlite3.connect(self.database_url.partition(":///")[2], 60)) as connection:
                connection.executescript(f"BEGIN IMMEDIATE; {deletions} COMMIT")
        else:  # without checks of foreign keys, the order of the tables does not matter
            self.execute(f"SET session_replication_role = replica; {deletions}")

    @cached_property
    def empty_at_first(self) -> list[str]:
        """The tables that are empty after the service's start, read from the database so that no list must be kept."""
        is_sqlite = self.database_url.startswith("sqlite")
        query = (
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            if is_sqlite
            else "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
        )
        return [name for (name,) in self.rows(query) if not self.rows(f"SELECT 1 FROM {name} LIMIT 1")]

    def list_uri(self, number: int) -> str:
        """The URI of a status list. Its epoch is the time when the database was made."""
        [(epoch,)] = self.rows(f"SELECT max(epoch) FROM status_lists WHERE id <= {number}")
        return f"{ISSUER}/oauth/status-lists/{epoch}-{number}"

    @cached_property
    def set_up(self) -> str:
        """Statements that insert the API and the client that a deployment sets up (registry.py)."""
        return "".join(
            f"INSERT INTO {table} VALUES ({', '.join(map(literal, row))});"
            for table in SET_UP
            for row in self.rows(f"SELECT * FROM {table}")
        )

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """The result of a query on the database directly."""
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
    loop: asyncio.AbstractEventLoop
    database: Database
    status_lists: PublishedStatusLists
    resources: ResourceCache
    clients: ClientCache
    upstreams: Upstreams
    opened: list[httpx2.Client] = field(default_factory=list)

    def do(self, work: Callable[[Database], Coroutine[Any, Any, T]]) -> T:
        """Run work in the service's event loop, with the database connections that it has open."""
        return asyncio.run_coroutine_threadsafe(work(self.database), self.loop).result(60)

    def forget(self) -> None:
        """Forget what is cached of clients, APIs and upstream providers, as after five seconds."""
        self.resources.forget()
        self.clients.forget()
        self.upstreams.cache.forget()

    def client(self, **options: Any) -> httpx2.Client:
        """A client like a browser on the issuer's own pages: it keeps cookies and sends the Origin."""
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


def literal(value: object) -> str:
    """A value in a statement, for either database."""
    if value is None or isinstance(value, bool | int):
        return "NULL" if value is None else str(value)
    return "'" + str(value).replace("'", "''") + "'"


def environment(database_url: str) -> dict[str, str]:
    return {
        "AUTH_ISSUER": ISSUER,
        "AUTH_SECRET": SECRET,
        "AUTH_KEY_ENCRYPTION_KEYS": KEY_ENCRYPTION_KEYS,
        "AUTH_DATABASE_URL": database_url,
        "AUTH_TRUSTED_ORIGINS": "https://app.example.com,https://*.apps.example.com",
        "AUTH_HASHING_THREADS": "2",
        "AUTH_UPSTREAM_NETWORKS": "127.0.0.1/32",
    }


@pytest.fixture(scope="module", autouse=True)
def quiet_logs() -> None:
    """For each file anew: todo-service's files, which share the process, have logs of their own."""
    logs.configure("ERROR")


@pytest.fixture(scope="session", autouse=True)
def patience() -> Iterator[None]:
    """Raise timeouts to a minute, for a busy machine or a virtual one that stalls.

    httpx2's default applies to every call without a timeout of its own.
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
    """The URL of a PostgreSQL server that only this test process uses."""
    with running_postgres() as url:
        yield url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "auth.db"
    prepare(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: str) -> Iterator[str]:
    """The name of the migrated database that the tests' databases are copied from."""
    name = "auth_template"
    with made_database(postgres, name) as url:
        prepare(url)
        yield name


def prepare(url: str) -> None:
    """Migrate, and make the signing keys once for all tests, because each pair takes a fifth of a second."""
    migrate(url)
    asyncio.run(check_start(load_settings(environment(url))))
    asyncio.run(set_up(url))


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{shutil.copy(sqlite_template, tmp_path / 'auth.db')}"


@pytest.fixture
def postgres_url(postgres: str, postgres_template: str) -> Iterator[str]:
    with made_database(postgres, template=postgres_template) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def bare_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a new database without tables."""
    if request.param == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path / 'bare.db'}"
        return
    with made_database(request.getfixturevalue("postgres")) as url:
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue("sqlite_url" if request.param == "sqlite" else "postgres_url")
    return url


Start = Callable[..., Service]


@dataclass
class Running:
    """A running service and its thread."""

    service: Service
    server: uvicorn.Server
    thread: threading.Thread

    def stop(self) -> None:
        self.service.close_clients()
        self.server.should_exit = True
        self.thread.join(60)


def serve(database_url: str, **changes: str) -> Running:
    return serve_at(0, database_url, **changes)


def serve_at(port: int, database_url: str, **changes: str) -> Running:
    clock = Clock()
    settings = load_settings({**environment(database_url), **changes})
    app = create_app(settings, clock=clock)
    proxies = list(settings.trusted_proxies)
    config = uvicorn.Config(app, port=port, log_config=None, access_log=False, forwarded_allow_ips=proxies)
    scrapes = listen("127.0.0.1", 0)
    metrics_url = f"http://127.0.0.1:{scrapes.getsockname()[1]}/metrics"
    server = serving.Server(config, app, Pace(settings.key_rotation_interval, settings.key_spare_min_age), scrapes)
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started or not thread.is_alive())
    assert server.started, "the service refused to start"
    [listening] = server.servers
    url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"
    parts = app.state.parts
    caches = (parts.status_lists, parts.resources, parts.clients.cache, parts.upstreams)
    inside = (listening.get_loop(), parts.database, *caches)
    return Running(Service(database_url, url, clock, settings, metrics_url, *inside), server, thread)


@pytest.fixture
def start() -> Iterator[Start]:
    """Start services for this test only, with other settings or for tests that break them."""
    running: list[Running] = []

    def start_one(database_url: str, **changes: str) -> Service:
        running.append(serve(database_url, **changes))
        return running[-1].service

    yield start_one
    for one in running:
        one.server.should_exit = True  # all of them stop at the same time
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
    with made_database(postgres, template=postgres_template) as url:
        running = serve(url)
        yield running.service
        running.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    """The service without accounts, once on SQLite and once on PostgreSQL."""
    running: Service = request.getfixturevalue("sqlite_running" if request.param == "sqlite" else "postgres_running")
    yield from emptied(running)


@pytest.fixture
def sqlite_service(sqlite_running: Service) -> Iterator[Service]:
    """The service on SQLite, for tests that do not depend on the database."""
    yield from emptied(sqlite_running)


def emptied(running: Service) -> Iterator[Service]:
    running.empty()
    running.clock.offset, running.clock.stopped_at = timedelta(), None
    # A status list's version is its number of set bits. Refresh now that these are gone; otherwise the process would
    # take the same number of new bits for the version that it has.
    running.do(lambda _: running.status_lists.refresh(now=running.clock()))
    running.forget()
    yield running
    running.close_clients()
