"""A database with todos is migrated to the newest schema without losing anything."""

import importlib
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, inspect, make_url, text
from sqlalchemy.pool import NullPool

from todo_fixtures.service import Service
from todo_service.migrations import migrate
from todo_service.todos import rooms
from todo_service.todos.identifiers import new_id

OLD = (
    "INSERT INTO todos VALUES ('alice', :id, :title, '', 'open', NULL, 0, :due_at, 1,"
    " '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000')"
)
SECOND = (
    "INSERT INTO todos (owner, id, title, notes, status, priority, due_at, position, deleted_at, sequence, version,"
    " created_at, updated_at) VALUES ('alice', :id, :title, '', 'open', 0, :never, :position, :deleted_at, :n, 1,"
    " '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000')"
)
NEVER = "9999-12-31 23:59:59.999999"
NOW = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
OWNED = ("todos", "owners", "idempotency_keys", "leases", "cursor_key")
TODOS = "/api/v1/todos"
DUES = {"never": None, "whole": "2027-01-31 08:00:00.000000", "fraction": "2027-01-31 08:00:00.123456"}


@pytest.fixture(params=["sqlite", "postgres"])
def old_url(request: pytest.FixtureRequest, tmp_path: Any) -> str:
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'old.db'}"
    return str(request.getfixturevalue("empty_postgres"))


def alembic(url: str, revision: str, *, down: bool = False) -> None:
    engine = create_engine(url.replace("+aiosqlite", ""), poolclass=NullPool)
    with engine.connect() as connection:
        config = Config()
        config.set_main_option("script_location", "todo_service:migrations")
        config.attributes["connection"] = connection
        (command.downgrade if down else command.upgrade)(config, revision)
        connection.commit()


def insert_old(url: str) -> list[str]:
    engine = create_engine(url.replace("+aiosqlite", ""), poolclass=NullPool)
    ids = [new_id(1_700_000_000 + number) for number in range(3)]
    with engine.begin() as connection:
        for id_, (title, due_at) in zip(ids, DUES.items(), strict=True):
            stored = id_.hex if engine.dialect.name == "sqlite" else id_
            connection.execute(text(OLD), {"id": stored, "title": title, "due_at": due_at})
    return [str(id_) for id_ in ids]


def test_todos_of_the_first_schema_are_kept(old_url: str, run_service: Any) -> None:
    alembic(old_url, "0001")
    ids = insert_old(old_url)
    migrate(old_url)
    with run_service(database_url=old_url) as service:
        check(service, ids)
    alembic(old_url, "0001", down=True)
    migrate(old_url)
    with run_service(database_url=old_url) as service:
        service.wait_until_ready()
        dues = [todo["due"] for todo in service.person("alice").get("/api/v1/todos?sort=created").json()["items"][:3]]
        assert dues == [None, "2027-01-31T08:00:00Z", "2027-01-31T08:00:00.123456Z"]


def test_what_the_second_schema_knows_is_kept(old_url: str, run_service: Any) -> None:
    """Deleted todos stay deleted, changes keep their numbers, and used idempotency keys keep their responses."""
    alembic(old_url, "0002")
    kept, gone = (new_id(1_700_000_000 + number) for number in range(2))
    with connect(old_url) as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        connection.execute(text("SELECT 1") if is_sqlite else text("SET todo.owner = 'alice'"))
        for id_, title, deleted_at, sequence in ((kept, "kept", None, 7), (gone, "gone", NOW, 8)):
            given = {"id": id_.hex if is_sqlite else id_, "title": title, "deleted_at": deleted_at, "n": sequence}
            connection.execute(text(SECOND), {**given, "never": NEVER, "position": f"{sequence}V"})
        connection.execute(text("INSERT INTO owners VALUES ('alice', 8, 1)"))
        connection.commit()
    migrate(old_url)
    with run_service(database_url=old_url) as service:
        service.wait_until_ready()
        alice = service.person("alice")
        assert [(todo["id"], todo["position"]) for todo in alice.get(TODOS).json()["items"]] == [(str(kept), "7V")]
        changes = alice.get("/api/v1/changes").json()
        assert [todo["id"] for todo in changes["upserts"]] == [str(kept)]
        assert alice.post(f"{TODOS}/{gone}/restore").status_code == 200
        later = alice.get("/api/v1/changes", params={"since": changes["next"]}).json()
        assert [todo["id"] for todo in later["upserts"]] == [str(gone)]


def test_todos_of_the_third_schema_are_counted_and_found(
    old_url: str, run_service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all owners, deleted ones too, in several batches; on PostgreSQL by a role that row-level security concerns."""
    filled = importlib.import_module("todo_service.migrations.versions.0004_kept_and_folded")
    monkeypatch.setattr(filled, "BATCH", 3)
    if not old_url.startswith("sqlite"):
        old_url = owned_by_a_plain_role(old_url)
    alembic(old_url, "0003")
    ids = {name: [new_id(1_700_000_000 + number) for number in range(7)] for name in ("alice", "bob")}
    for owner, todos in ids.items():
        with connect(old_url) as connection:
            is_sqlite = connection.dialect.name == "sqlite"
            connection.execute(text("SELECT 1" if is_sqlite else f"SET todo.owner = '{owner}'"))
            for number, id_ in enumerate(todos, 1):
                given: dict[str, Any] = {
                    "id": id_.hex if is_sqlite else id_,
                    "title": "Stra\u00dfe",
                    "n": number,
                    "never": NEVER,
                }
                given |= {"deleted_at": NOW if number == 7 else None, "position": f"{number}V"}
                connection.execute(text(SECOND.replace("'alice'", f"'{owner}'")), given)
            connection.execute(text(f"INSERT INTO owners VALUES ('{owner}', 7, 6)"))
            connection.commit()
    migrate(old_url)
    with connect(old_url) as connection:
        if connection.dialect.name == "postgresql":
            policies = connection.execute(text("SELECT policyname FROM pg_policies WHERE tablename = 'todos'"))
            shared = {f"todos_shared_{name}" for name in ("read", "add", "change")}
            assert set(policies.scalars()) == {"todos_owner", "todos_purge_read", "todos_purge", *shared}
    with run_service(database_url=old_url) as service:
        service.wait_until_ready()
        for owner, todos in ids.items():
            client = service.person(owner)
            found = client.get(TODOS, params={"q": "STRASSE", "sort": "created"}).json()["items"]
            assert [todo["id"] for todo in found] == [str(id_) for id_ in todos[:6]]
            assert client.post(TODOS, json={"title": "new"}).status_code == 201
            with connect(old_url) as connection:
                if connection.dialect.name == "postgresql":
                    connection.execute(text(f"SET todo.owner = '{owner}'"))
                counted = connection.execute(
                    text("SELECT kept_rows, kept_octets FROM owners WHERE owner = :owner"), {"owner": owner}
                ).one()
            assert tuple(counted) == (8, 7 * (rooms.ROW + len("Stra\u00dfe".encode())) + rooms.ROW + len("new"))


def test_a_migration_that_was_interrupted_goes_on(
    old_url: str, run_service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not old_url.startswith("sqlite"):
        old_url = owned_by_a_plain_role(old_url)
    alembic(old_url, "0003")
    id_ = new_id(1_700_000_000)
    with connect(old_url) as connection:
        is_sqlite = connection.dialect.name == "sqlite"
        connection.execute(text("SELECT 1" if is_sqlite else "SET todo.owner = 'alice'"))
        given = {"id": id_.hex if is_sqlite else id_, "title": "Caf\u00e9", "n": 1, "never": NEVER}
        connection.execute(text(SECOND), {**given, "deleted_at": None, "position": "1V"})
        connection.execute(text("INSERT INTO owners VALUES ('alice', 1, 1)"))
        connection.commit()
    with monkeypatch.context() as broken:
        broken.setattr(rooms, "of_todo", None)  # calling it raises TypeError
        with pytest.raises(TypeError):
            migrate(old_url)
    migrate(old_url)
    with run_service(database_url=old_url) as service:
        service.wait_until_ready()
        found = service.person("alice").get(TODOS, params={"q": "CAFE\u0301"}).json()["items"]
    assert [todo["id"] for todo in found] == [str(id_)]


def owned_by_a_plain_role(url: str) -> str:
    """The URL of the same database for a role that owns it and is no superuser."""
    with connect(url) as connection:
        connection.execute(text("DO $$ BEGIN CREATE ROLE plain LOGIN PASSWORD 'plain';"
                                " EXCEPTION WHEN duplicate_object THEN END $$"))  # fmt: skip
        connection.execute(text(f'ALTER DATABASE "{make_url(url).database}" OWNER TO plain'))
        connection.commit()
    return make_url(url).set(username="plain", password="plain").render_as_string(hide_password=False)


def test_the_version_before_reads_and_writes_all_that_it_knows(old_url: str) -> None:
    """The old version serves while the new one migrates. Its statements name only the columns that it knows.

    This tests the newest migration only. 0002 added columns that 0001's INSERT does not set, but it is older than the
    first release.
    """
    alembic(old_url, "0004")
    with connect(old_url) as connection:
        inspected = inspect(connection)
        known = {name: [column["name"] for column in inspected.get_columns(name)] for name in OWNED}
    migrate(old_url)
    with connect(old_url) as connection:
        inspected = inspect(connection)
        for name, columns in known.items():
            needed = [each["name"] for each in inspected.get_columns(name) if _is_needed(each)]
            assert set(needed) <= set(columns), name
            assert {each["name"] for each in inspected.get_columns(name)} >= set(columns), name


def _is_needed(column: Any) -> bool:
    return not column["nullable"] and column["default"] is None


def connect(url: str) -> Connection:
    return create_engine(url.replace("+aiosqlite", ""), poolclass=NullPool).connect()


def check(service: Service, ids: list[str]) -> None:
    service.wait_until_ready()
    alice = service.person("alice")
    listed = alice.get("/api/v1/todos", params={"sort": "position"}).json()["items"]
    assert [todo["id"] for todo in listed] == ids
    assert [todo["due"] for todo in listed] == [None, "2027-01-31T08:00:00Z", "2027-01-31T08:00:00.123456Z"]
    assert [todo["id"] for todo in alice.get("/api/v1/todos", params={"sort": "-due"}).json()["items"]] == [
        ids[0], ids[2], ids[1]
    ]  # fmt: skip
    changed = alice.get("/api/v1/changes").json()
    assert {todo["id"] for todo in changed["upserts"]} == set(ids)
    made = alice.post("/api/v1/todos", json={"title": "new"}).json()
    assert made["position"] > listed[-1]["position"]
    assert uuid.UUID(made["id"]).version == 7
    later = alice.get("/api/v1/changes", params={"since": changed["next"]}).json()
    assert [todo["id"] for todo in later["upserts"]] == [made["id"]]
    assert service.person("bob").get("/api/v1/todos").json()["items"] == []
