"""The database fails, or has another schema: requests get 503, never 500, and succeed again when it is back."""

import asyncio
import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import httpx2
import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from todo_fixtures.service import Service
from todo_service.migrations import _ADVISORY_LOCK, HEAD, migrate
from todo_service.store import database
from todo_service.todos.table import metadata

TODOS = "/api/v1/todos"


@pytest.fixture
def path(sqlite_url: str) -> Path:
    return Path(sqlite_url.removeprefix("sqlite+aiosqlite:///"))


def check_unavailable(response: httpx2.Response) -> None:
    assert (response.status_code, response.json()["type"]) == (503, "urn:problem-type:todo:database-unavailable")
    assert int(response.headers["Retry-After"]) > 0


def test_a_lock_that_lasts_is_an_answer_to_try_later(
    run_service: Any, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "LOCK_TIMEOUT", timedelta(milliseconds=50))
    with run_service() as service:
        service.wait_until_ready()
        alice = service.person()
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        check_unavailable(alice.post(TODOS, json={"title": "x"}))
        assert alice.get(TODOS).status_code == 200  # a writer does not block readers
        other.execute("ROLLBACK")
        other.close()
        assert alice.post(TODOS, json={"title": "x"}).status_code == 201


def test_who_comes_first_after_a_restart_of_the_database_is_answered(run_service: Any, empty_postgres: str) -> None:
    """No request came while the database was down, so the pool still has connections that the server has closed."""
    migrate(empty_postgres)
    with run_service(database_url=empty_postgres) as service:
        service.wait_until_ready()
        alice = service.person()
        with psycopg.connect(empty_postgres.replace("+psycopg", ""), autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert alice.post(TODOS, json={"title": "x"}).status_code == 201
        assert alice.get(TODOS).status_code == 200


def test_a_schema_that_moved_on_leaves_it_ready_and_an_older_one_does_not(run_service: Any, path: Path) -> None:
    """A migration runs while the old version still serves, and the old version stays ready until it is replaced."""
    with run_service() as service:
        service.wait_until_ready()
        for revision, status, said in [
            ("0001", 503, "schema not at head"),
            ("9999", 200, "ok"),
            (HEAD, 200, "ok"),
        ]:
            with sqlite3.connect(path) as connection:
                connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))
            connection.close()
            response = service.client().get("/readyz")
            assert (response.status_code, response.json()) == (status, {"status": said})


def test_without_its_tables_it_is_not_ready(run_service: Any, path: Path) -> None:
    with run_service() as service:
        service.wait_until_ready()
        with sqlite3.connect(path) as connection:
            connection.execute("DROP TABLE alembic_version")
        connection.close()
        assert service.client().get("/readyz").json() == {"status": "schema not at head"}


def test_the_known_head_is_the_newest_migration() -> None:
    """`HEAD` is read from the file names, so that serving does not import Alembic."""
    config = Config()
    config.set_main_option("script_location", "todo_service:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [HEAD]


@pytest.fixture(params=["sqlite", "postgres"])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'empty.db'}"
    return str(request.getfixturevalue("empty_postgres"))


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url.replace("+aiosqlite", ""), poolclass=NullPool)
    with engine.connect() as connection:
        yield connection


def described(connection: Connection) -> dict[str, Any]:
    """The database's full description of each table. Autogenerate compares neither checks nor primary keys."""
    inspected = inspect(connection)
    described = {
        name: {
            "columns": {column["name"]: {**column, "type": repr(column["type"])} for column in columns},
            "primary key": inspected.get_pk_constraint(name)["constrained_columns"],
            "unique": inspected.get_unique_constraints(name),
            "foreign keys": inspected.get_foreign_keys(name),
            "checks": {each["name"]: each["sqltext"] for each in inspected.get_check_constraints(name)},
            "indexes": {each["name"]: _index(each) for each in inspected.get_indexes(name)},
        }
        for (_, name), columns in inspected.get_multi_columns().items()
        if name != "alembic_version"
    }
    assert described
    return described


def _index(index: Any) -> str:
    """The index as a text; the condition of a partial one is an object, whose own text is its address."""
    options = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
    return str({**index, "dialect_options": options})


def test_the_migrations_make_the_tables_that_the_code_knows(empty_url: str) -> None:
    """So Alembic's autogenerate finds no difference, and never drops a table that env.py does not import."""
    migrate(empty_url)
    with connected(empty_url) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_the_migrated_tables_are_the_declared_ones_to_the_last_check(empty_url: str) -> None:
    migrate(empty_url)
    with connected(empty_url) as connection:
        migrated = described(connection)
        for name in migrated:
            with_policies = " CASCADE" if connection.dialect.name == "postgresql" else ""
            connection.exec_driver_sql(f"DROP TABLE {name}{with_policies}")
        for index in (each for table in metadata.tables.values() for each in table.indexes):
            for dialect, where in index.info.get("where", {}).items():  # not in the code: it would load both dialects
                index.dialect_options[dialect]["where"] = text(where)
        metadata.create_all(connection)
        assert described(connection) == migrated


def test_a_writer_takes_sqlites_lock_when_it_begins(sqlite_url: str, path: Path) -> None:
    """Otherwise a transaction that reads first and then writes would fail if another process wrote in between."""
    other = sqlite3.connect(path, isolation_level=None, timeout=0)

    async def begin() -> None:
        connected = database.open_database(sqlite_url)
        async with connected.writer.begin() as connection:
            await connection.execute(text("SELECT 1"))
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
        async with connected.reader.begin() as connection:
            await connection.execute(text("SELECT 1"))
            other.execute("BEGIN IMMEDIATE")
        await connected.close()

    asyncio.run(begin())
    other.close()


def test_a_transaction_holds_sqlites_writer_for_a_bounded_time(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However short its statements are: all other writers wait for it. The next one has the whole time again."""
    monkeypatch.setattr(database, "STATEMENT_TIMEOUT", timedelta(milliseconds=100))
    short = text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 9000) SELECT count(*) FROM n")
    insert = text("INSERT INTO received_events VALUES ('written', '2026-01-01 00:00:00.000000')")

    async def write_for_long(connected: database.Database) -> None:
        async with connected.writing("alice") as connection:
            await connection.execute(insert)
            for _ in range(100_000):
                await connection.execute(short)

    async def check() -> None:
        connected = database.open_database(sqlite_url)
        for _ in range(2):
            with pytest.raises(OperationalError):
                await write_for_long(connected)
        async with connected.writing("alice") as connection:
            await connection.execute(insert)  # what was ended is rolled back
        await connected.close()

    asyncio.run(check())


def test_migrating_waits_for_whoever_migrates_on_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "todo.db"
    with Path(f"{path}.migrate-lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        migrating = Thread(target=migrate, args=(f"sqlite+aiosqlite:///{path}",))
        migrating.start()
        migrating.join(0.5)
        assert migrating.is_alive()
        assert not path.exists()
    migrating.join(60)
    assert path.exists()


def test_migrating_waits_for_whoever_migrates_on_postgres(empty_postgres: str) -> None:
    with psycopg.connect(empty_postgres.replace("+psycopg", ""), autocommit=True) as held:
        held.execute("SELECT pg_advisory_lock(%s)", (_ADVISORY_LOCK,))
        migrating = Thread(target=migrate, args=(empty_postgres,))
        migrating.start()
        migrating.join(0.5)
        assert migrating.is_alive()
        assert held.execute("SELECT to_regclass('todos')").fetchone() == (None,)
    migrating.join(60)
    with psycopg.connect(empty_postgres.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT count(*) FROM todos").fetchone() == (0,)


def test_a_page_is_read_by_the_primary_key(shared_service: Service) -> None:
    """A page costs the same however many todos there are: the query neither sorts nor scans."""

    async def plan() -> str:
        connected = shared_service.app.state.parts.database
        is_sqlite = connected.reader.dialect.name == "sqlite"
        explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
        query = (
            "SELECT * FROM todos WHERE owner = 'a' AND id < '01900000000070008000000000000000' ORDER BY id DESC LIMIT 5"
        )
        own = database.open_database(connected.writer.url.render_as_string(hide_password=False))
        async with own.reader.connect() as connection:
            if not is_sqlite:
                await connection.execute(text("SET enable_seqscan = off"))
                await connection.execute(text("SET enable_bitmapscan = off"))
            rows = (await connection.execute(text(f"{explain} {query}"))).all()
        await own.close()
        return "\n".join(str(row) for row in rows)

    found = asyncio.run(plan())
    assert "INDEX" in found.upper()
    assert "SORT" not in found.upper()
    assert "TEMP B-TREE" not in found.upper()
