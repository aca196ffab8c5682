import logging
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import psycopg
import pytest
import structlog
from httpx2._config import DEFAULT_TIMEOUT_CONFIG
from structlog.testing import capture_logs
from structlog.typing import EventDict

from todo_fixtures import isolation, issuer, redis_server, service, stores
from todo_fixtures.issuer import JwksEndpoint, jwk
from todo_fixtures.redis_server import RedisServer
from todo_fixtures.service import Service
from todo_fixtures.status_lists import SIGNER, StatusEndpoint
from todo_service.migrations import migrate
from todo_service.store import database

T = TypeVar("T")
RunService = Callable[..., AbstractContextManager[Service]]


@pytest.fixture(scope="module", autouse=True)
def own_logs() -> None:
    """For each file anew: auth-service's files, which share the process, keep everything below ERROR quiet.

    Access lines are written after the response, so they would stand between the lines of pytest.
    """
    structlog.reset_defaults()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


@pytest.fixture(scope="session", autouse=True)
def patience() -> Iterator[None]:
    """Longer timeouts, since a busy machine answers late, and a virtual one may even stand still.

    httpx2's default is for all calls that set no timeout of their own.
    """
    with pytest.MonkeyPatch.context() as patched:
        for phase in ("connect", "read", "write", "pool"):
            patched.setattr(DEFAULT_TIMEOUT_CONFIG, phase, 60.0)
        patched.setattr(database, "LOCK_TIMEOUT", timedelta(minutes=1))
        patched.setattr(database, "POOL_TIMEOUT", timedelta(minutes=1))
        patched.setitem(database.REACHABILITY, "connect_timeout", 60)
        yield


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """An empty PostgreSQL database. Without PostgreSQL the tests that need it are skipped; in CI they fail."""
    try:
        with stores.postgres() as url:
            yield url
    except stores.NoPostgres as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def shared_redis() -> Iterator[RedisServer]:
    """A Redis that no test breaks. Without Redis the tests that need it are skipped; in CI they fail."""
    yield from _run_redis()


@pytest.fixture
def own_redis() -> Iterator[RedisServer]:
    """A Redis for one test, which may break it."""
    yield from _run_redis()


@pytest.fixture
def redis_cluster() -> Iterator[RedisServer]:
    """A cluster of one node."""
    for running in _run_redis("--cluster-enabled", "yes"):
        running.make_cluster()
        yield running


@pytest.fixture
def watched_redis() -> Iterator[tuple[str, RedisServer]]:
    """The URL of a master by its Sentinel, and the master."""
    yield from _or_skip(redis_server.run_watched())


@pytest.fixture
def encrypted_redis() -> Callable[..., AbstractContextManager[tuple[RedisServer, int]]]:
    """A function that starts a Redis with a certificate; it also returns the port for TLS."""

    @contextmanager
    def start(certificate: Path, ca_file: Path, *options: str) -> Iterator[tuple[RedisServer, int]]:
        yield from _or_skip(redis_server.run_encrypted(certificate, ca_file, *options))

    return start


def _run_redis(*options: str) -> Iterator[RedisServer]:
    yield from _or_skip(redis_server.run(*options))


def _or_skip(starting: AbstractContextManager[T]) -> Iterator[T]:
    try:
        with starting as running:
            yield running
    except redis_server.NoRedis as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


@pytest.fixture
def empty_postgres(postgres_url: str) -> str:
    """A new database for one test."""
    name = f"todo_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return f"{postgres_url.rpartition('/')[0]}/{name}"


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sqlite") / "todo.db"
    migrate(f"sqlite+aiosqlite:///{path}")
    return path


@pytest.fixture
def sqlite_url(migrated_file: Path, tmp_path: Path) -> str:
    """A new, migrated SQLite file for one test."""
    copy = tmp_path / "todo.db"
    shutil.copyfile(migrated_file, copy)
    return f"sqlite+aiosqlite:///{copy}"


@pytest.fixture(scope="session")
def shared_jwks() -> Iterator[JwksEndpoint]:
    with issuer.serve_jwks() as endpoint:
        yield endpoint


def _run_shared(
    database_url: str, shared_jwks: JwksEndpoint, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    jwks_file = tmp_path_factory.mktemp("service") / "jwks.json"
    with service.run(auth_url=shared_jwks.url, database_url=database_url, jwks_file=jwks_file) as running:
        running.wait_until_ready()
        yield running


@pytest.fixture(scope="session")
def sqlite_service(shared_jwks: JwksEndpoint, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    path = tmp_path_factory.mktemp("database") / "todo.db"
    database_url = f"sqlite+aiosqlite:///{path}"
    migrate(database_url)
    yield from _run_shared(database_url, shared_jwks, tmp_path_factory)


@pytest.fixture(scope="session")
def postgres_service(
    postgres_url: str, shared_jwks: JwksEndpoint, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A service whose database role does not own the tables."""
    stores.create_serving_role(postgres_url)
    serving_url = stores.serving_url(postgres_url)
    migrate(postgres_url, serving_url)
    yield from _run_shared(serving_url, shared_jwks, tmp_path_factory)


@pytest.fixture(scope="session")
def unfiltered_service(
    postgres_url: str, shared_jwks: JwksEndpoint, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A service whose queries compare no owner: only row-level security separates owners."""
    url = _create_served_database(postgres_url, "unfiltered")
    for running in _run_shared(url, shared_jwks, tmp_path_factory):
        isolation.remove_owner_filters(running.app.state.parts.database)
        yield running


@pytest.fixture(scope="session")
def unprotected_service(
    postgres_url: str, shared_jwks: JwksEndpoint, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A service whose database has no row-level security: only the queries separate owners."""
    url = _create_served_database(postgres_url, "unprotected")
    isolation.disable_row_level_security(_of_database(postgres_url, "unprotected"))
    yield from _run_shared(url, shared_jwks, tmp_path_factory)


def _create_served_database(postgres_url: str, name: str) -> str:
    stores.create_serving_role(postgres_url)
    with psycopg.connect(postgres_url.replace("+psycopg", ""), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    url = _of_database(postgres_url, name)
    migrate(url, stores.serving_url(url))
    return stores.serving_url(url)


def _of_database(postgres_url: str, name: str) -> str:
    return f"{postgres_url.rpartition('/')[0]}/{name}"


@pytest.fixture(params=["sqlite", "postgres", "unfiltered", "unprotected"])
def isolated_service(request: pytest.FixtureRequest) -> Service:
    """The service on each database; on PostgreSQL also without the one or the other separation of owners."""
    running: Service = request.getfixturevalue(f"{request.param}_service")
    return running


@pytest.fixture(params=["sqlite", "postgres"])
def shared_service(request: pytest.FixtureRequest) -> Service:
    """The service on each database. Tests share it, each with its own persons."""
    running: Service = request.getfixturevalue(f"{request.param}_service")
    return running


@pytest.fixture
def logged() -> Iterator[list[EventDict]]:
    """The log events of the test, captured instead of written."""
    with capture_logs() as entries:
        yield entries


@pytest.fixture
def jwks() -> Iterator[JwksEndpoint]:
    """An issuer for one test, which may break it."""
    with issuer.serve_jwks() as endpoint:
        yield endpoint


@pytest.fixture
def lists(jwks: JwksEndpoint) -> StatusEndpoint:
    """An endpoint of status lists. The key set contains their key."""
    endpoint = StatusEndpoint()
    endpoint.publish("1")
    jwks.keys = [jwk("first"), jwk(SIGNER, signs="statuslist+jwt")]
    jwks.elsewhere["/oauth/status-lists"] = endpoint.answer
    return endpoint


@pytest.fixture
def run_service(jwks: JwksEndpoint, sqlite_url: str, tmp_path: Path) -> RunService:
    """A function that starts a service. A second call is a restart with the same files."""
    return partial(service.run, auth_url=jwks.url, database_url=sqlite_url, jwks_file=tmp_path / "jwks.json")
