"""A database with todos in it comes to the newest schema, with nothing lost."""

import uuid
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from todo_fixtures.service import Service
from todo_service.migrate import migrate
from todo_service.todos.identifiers import new_id

OLD = (
    "INSERT INTO todos VALUES ('alice', :id, :title, '', 'open', NULL, 0, :due_at, 1,"
    " '2026-01-01 00:00:00.000000', '2026-01-01 00:00:00.000000')"
)
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
