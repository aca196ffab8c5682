"""The room of an owner is bounded: todos, deleted ones too, and the responses that an Idempotency-Key keeps."""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import psycopg
import pytest

from todo_fixtures import stores
from todo_service.migrations import migrate
from todo_service.store import database
from todo_service.todos import purge, rooms

TODOS, BATCH = "/api/v1/todos", "/api/v1/todos:batch"
ROOM = 1024 * 1024  # the least that the setting allows
NOTES = "n" * 9_995
SIZE = len("title") + len(NOTES) + rooms.ROW
EXCEEDED = "urn:problem-type:todo:quota-exceeded"
_KEPT = (
    f"SELECT (SELECT coalesce(sum({rooms.ROW} + length(title) + length(notes)), 0) FROM todos WHERE owner = 'alice')"
    f" + (SELECT coalesce(sum({rooms.ROW} + length(name)), 0) FROM lists WHERE owner = 'alice')"
    f" + (SELECT coalesce(sum({rooms.ROW} + length(body) + length(headers)), 0) FROM idempotency_keys"
    " WHERE owner = 'alice')"
)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> str:
    """The URL of a new, migrated database, for the serving role."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    url = request.getfixturevalue("empty_postgres")
    stores.create_serving_role(url)
    migrate(url, stores.serving_url(url))
    return stores.serving_url(url)


@pytest.fixture
def query(request: pytest.FixtureRequest, store: str) -> Callable[[str], list[Any]]:
    """Run a statement that sees all rows."""

    def run(statement: str) -> list[Any]:
        if store.startswith("sqlite"):
            with closing(sqlite3.connect(Path(store.removeprefix("sqlite+aiosqlite:///")))) as file, file:
                return file.execute(statement).fetchall()
        with psycopg.connect(request.getfixturevalue("empty_postgres").replace("+psycopg", "")) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    return run


def kept(query: Callable[[str], list[Any]]) -> tuple[int, int]:
    """The octets that are in the rows, and those that are counted."""
    [(stored,)], [(counted,)] = query(_KEPT), query("SELECT kept_octets FROM owners WHERE owner = 'alice'")
    return int(stored), int(counted)


def create(client: httpx2.Client, **headers: str) -> httpx2.Response:
    return client.post(TODOS, json={"title": "title", "notes": NOTES}, headers=headers)


def fill(client: httpx2.Client) -> list[str]:
    """Create todos until there is no room. Returns their paths."""
    paths = []
    while (response := create(client)).status_code == 201:
        paths.append(response.headers["Location"])
    assert (response.status_code, response.json()["type"]) == (403, EXCEEDED)
    return paths


def test_todos_fill_the_room_and_the_refusal_says_what_counts(
    run_service: Any, store: str, query: Callable[[str], list[Any]]
) -> None:
    with run_service(database_url=store, quota_bytes=ROOM) as service:
        service.wait_until_ready()
        alice = service.person("alice")
        paths = fill(alice)
        assert len(paths) == ROOM // SIZE
        assert kept(query) == (len(paths) * SIZE, len(paths) * SIZE)
        detail = create(alice).json()["detail"]
        for told in ("1,048,576 bytes", "deleted", "30 days", "Idempotency-Key", "24 hours", "512 bytes"):
            assert told in detail
        for path in paths[:3]:
            alice.delete(path)
        assert create(alice).status_code == 403  # deleted todos count
        assert alice.patch(paths[5], json={"notes": "short"}).status_code == 200
        assert create(alice).status_code == 201
        longer = alice.patch(paths[5], json={"notes": NOTES})
        assert (longer.status_code, longer.json()["type"]) == (403, EXCEEDED)
        assert alice.patch(paths[6], json={"title": "a", "notes": "x"}).status_code == 200  # shorter is always allowed
        assert alice.get(paths[5]).json()["notes"] == "short"
        assert service.person("bob").post(TODOS, json={"title": "x"}).status_code == 201
        alice.patch(paths[7], json={"notes": ""})
        made = alice.post("/api/v1/lists", json={"name": "Shopping"})
        assert alice.patch(made.headers["Location"], json={"name": "Food"}).status_code == 200
        assert len(set(kept(query))) == 1


def test_kept_responses_count(run_service: Any, store: str, query: Callable[[str], list[Any]]) -> None:
    with run_service(database_url=store, quota_bytes=ROOM) as service:
        service.wait_until_ready()
        alice = service.person("alice")
        ids = [create(alice).json()["id"] for _ in range(20)]
        body = {"operations": [{"op": "complete", "id": id_} for id_ in ids]}
        answers = [alice.post(BATCH, json=body, headers={"Idempotency-Key": f'"{number}"'}) for number in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 4 + [403] * 2
        assert {answer.json()["type"] for answer in answers[4:]} == {EXCEEDED}
        stored, counted = kept(query)
        assert stored == counted <= ROOM
        again = alice.post(BATCH, json=body, headers={"Idempotency-Key": '"0"'})
        assert again.content == answers[0].content
        assert kept(query) == (stored, counted)
        assert alice.post(BATCH, json=body).status_code == 200  # without a key nothing is kept
        assert create(alice, **{"Idempotency-Key": '"small"'}).status_code in (201, 403)


def test_a_batch_has_the_same_room(run_service: Any, store: str, query: Callable[[str], list[Any]]) -> None:
    with run_service(database_url=store, quota_bytes=ROOM) as service:
        service.wait_until_ready()
        alice = service.person("alice")
        operations = [{"op": "create", "todo": {"title": "title", "notes": NOTES}}] * 25
        statuses: list[int] = []
        for _ in range(5):
            results = alice.post(BATCH, json={"operations": operations}).json()["results"]
            statuses += [result["status"] for result in results]
        assert statuses == [201] * (ROOM // SIZE) + [403] * (125 - ROOM // SIZE)
        atomic = alice.post(BATCH, json={"atomic": True, "operations": operations})
        assert atomic.status_code == 409
        assert kept(query) == (ROOM // SIZE * SIZE, ROOM // SIZE * SIZE)


def test_processes_share_the_room_exactly(run_service: Any, store: str, query: Callable[[str], list[Any]]) -> None:
    with (
        run_service(database_url=store, quota_bytes=ROOM) as one,
        run_service(database_url=store, quota_bytes=ROOM) as two,
    ):
        for each in (one, two):
            each.wait_until_ready()
        clients = [each.person("alice") for each in (one, two)]
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda number: create(clients[number % 2]).status_code, range(120)))
        assert answers.count(201) == ROOM // SIZE
        assert set(answers) == {201, 403}
        assert len(set(kept(query))) == 1


def test_a_deleted_todo_counts_as_a_row(run_service: Any, store: str) -> None:
    """Of 3 todos that one may have, at most 3 deleted ones are kept besides."""
    with run_service(database_url=store, quota=3) as service:
        service.wait_until_ready()
        alice = service.person("alice")
        for _ in range(6):
            alice.delete(alice.post(TODOS, json={"title": "x"}).headers["Location"])
        refused = alice.post(TODOS, json={"title": "x"})
        assert (refused.status_code, refused.json()["type"]) == (403, EXCEEDED)
        assert "6 todos, with the deleted ones" in refused.json()["detail"]
        [one, *_] = alice.get(TODOS, params={"deleted": "only"}).json()["items"]
        assert alice.post(f"{TODOS}/{one['id']}/restore").status_code == 200


def test_what_the_purge_removed_is_free_again(
    run_service: Any, store: str, query: Callable[[str], list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    with run_service(database_url=store, quota_bytes=ROOM) as service:
        service.wait_until_ready()
        alice = service.person("alice")
        paths = fill(alice)
        for path in paths[:10]:
            alice.delete(path)

        async def purge_later() -> None:
            connected = database.open_database(store)
            await purge.purge(connected, now=datetime.now(UTC) + timedelta(days=31))
            await connected.close()

        asyncio.run(purge_later())
        assert create(alice).status_code == 403  # the room was counted less than a minute ago
        monkeypatch.setattr(rooms, "RECOUNT_AFTER", timedelta(0))
        assert len(fill(alice)) == 10
        assert len(set(kept(query))) == 1


def test_what_the_version_before_wrote_is_counted_and_found(
    run_service: Any, store: str, query: Callable[[str], list[Any]]
) -> None:
    """It takes the owner's next number, but knows neither the room nor the folded text."""
    with run_service(database_url=store, quota_bytes=ROOM) as service:
        service.wait_until_ready()
        alice = service.person("alice")
        path = create(alice).headers["Location"]
        id_ = path.rpartition("/")[2]
        written = id_ if not store.startswith("sqlite") else id_.replace("-", "")
        query("UPDATE owners SET sequence = sequence + 1 WHERE owner = 'alice'")
        query(f"UPDATE todos SET title = 'Straße', version = version + 1, sequence = 2 WHERE id = '{written}'")
        found = alice.get(TODOS, params={"q": "STRASSE"}).json()["items"]
        assert [todo["id"] for todo in found] == [id_]
        assert alice.get(TODOS, params={"q": "title"}).json()["items"] == []
        assert create(alice).status_code == 201
        [(counted,)] = query("SELECT kept_octets FROM owners WHERE owner = 'alice'")
        assert counted == 2 * SIZE - len("title") + len("Straße".encode())
