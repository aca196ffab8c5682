"""Deleted todos can be restored for 30 days and are then removed. The quota limits how many todos an owner has."""

import asyncio
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import psycopg
import pytest

from todo_fixtures import stores
from todo_fixtures.service import FREQUENT, Service
from todo_service.migrations import migrate
from todo_service.store import database
from todo_service.store.database import Database
from todo_service.todos import purge

TODOS = "/api/v1/todos"
DAY = timedelta(days=1)
T = TypeVar("T")


@pytest.fixture
def alice(shared_service: Service) -> httpx2.Client:
    return shared_service.person()


def create(client: httpx2.Client, title: str = "x") -> str:
    location: str = client.post(TODOS, json={"title": title}).headers["Location"]
    return location


def test_a_deleted_todo_is_shown_to_who_asks_for_it_and_can_be_restored(alice: httpx2.Client) -> None:
    path, other = create(alice), create(alice)
    before = alice.get(path).json()
    alice.delete(path)
    [deleted] = alice.get(TODOS, params={"deleted": "only"}).json()["items"]
    assert deleted == {**before, "version": 2, "updated_at": deleted["deleted_at"], "deleted_at": deleted["deleted_at"]}
    assert [f"{TODOS}/{todo['id']}" for todo in alice.get(TODOS).json()["items"]] == [other]
    restored = alice.post(f"{path}/restore")
    assert (restored.status_code, restored.headers["ETag"]) == (200, '"3"')
    assert restored.json() == {**before, "version": 3, "updated_at": restored.json()["updated_at"]}
    assert alice.get(path).json() == alice.post(f"{path}/restore").json() == restored.json()
    assert alice.get(TODOS, params={"deleted": "only"}).json()["items"] == []


@pytest.mark.parametrize("verb", ["get", "patch", "delete", "complete", "reopen"])
def test_a_deleted_todo_is_absent_for_everything_else(alice: httpx2.Client, verb: str) -> None:
    path = create(alice)
    alice.delete(path)
    method, suffix = (verb.upper(), "") if verb in ("get", "patch", "delete") else ("POST", f"/{verb}")
    body = {"title": "y"} if verb == "patch" else None
    assert alice.request(method, path + suffix, json=body).status_code == 404


def test_after_30_days_there_is_nothing_to_restore(run_service: Any) -> None:
    now = [datetime(2027, 1, 1, tzinfo=UTC).timestamp()]

    def person(service: Service) -> httpx2.Client:
        service.wait_until_ready()
        return service.person("alice", iat=int(now[0]), exp=int(now[0]) + 300)

    with run_service(clock=lambda: now[0], schedule=FREQUENT) as service:
        paths = [create(person(service)) for _ in range(2)]
        person(service).delete(paths[0])
        now[0] += 30 * DAY.total_seconds() - 1
        person(service).delete(paths[1])
        now[0] += 1
        alice = person(service)
        [restorable] = alice.get(TODOS, params={"deleted": "only"}).json()["items"]
        assert paths[1].endswith(restorable["id"])
        assert [alice.post(f"{path}/restore").status_code for path in paths] == [404, 200]


def test_restoring_at_once_with_other_writers_counts_once(alice: httpx2.Client) -> None:
    path = create(alice)
    alice.delete(path)
    versions = {alice.post(f"{path}/restore").json()["version"] for _ in range(3)}
    assert versions == {3}


def test_a_person_has_room_for_so_many(run_service: Any) -> None:
    with run_service(quota=3) as service:
        service.wait_until_ready()
        alice, bob = service.person(), service.person()
        paths = [create(alice) for _ in range(3)]
        refused = alice.post(TODOS, json={"title": "one too many"})
        assert (refused.status_code, refused.json()["type"]) == (403, "urn:problem-type:todo:quota-exceeded")
        assert "WWW-Authenticate" not in refused.headers
        create(bob)
        alice.delete(paths[0])
        create(alice)
        assert alice.post(f"{paths[0]}/restore").status_code == 403
        assert len(alice.get(TODOS).json()["items"]) == 3
        operations = [{"op": "create", "todo": {"title": "x"}}]
        [result] = alice.post("/api/v1/todos:batch", json={"operations": operations}).json()["results"]
        assert result["status"] == 403


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest) -> str:
    """The URL of a new, migrated database, for the serving role."""
    if request.param == "sqlite":
        return str(request.getfixturevalue("sqlite_url"))
    url = request.getfixturevalue("empty_postgres")
    stores.create_serving_role(url)
    migrate(url, stores.serving_url(url))
    return stores.serving_url(url)


def with_database(url: str, work: Callable[[Database], Any]) -> Any:
    async def run() -> Any:
        connected = database.open_database(url)
        try:
            return await work(connected)
        finally:
            await connected.close()

    return asyncio.run(run())


def rows(request: pytest.FixtureRequest, store: str, statement: str) -> list[Any]:
    """The stored rows, read by a role that is exempt from the policies."""
    if store.startswith("sqlite"):
        connection = sqlite3.connect(Path(store.removeprefix("sqlite+aiosqlite:///")))
        found = connection.execute(statement).fetchall()
        connection.commit()
        connection.close()
        return found
    url = request.getfixturevalue("empty_postgres").replace("+psycopg", "")
    with psycopg.connect(url) as owner:
        cursor = owner.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def test_the_purge_removes_what_is_due_of_everybody_in_batches(
    request: pytest.FixtureRequest, store: str, run_service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purge, "BATCH", 2)
    with run_service(database_url=store) as service:
        service.wait_until_ready()
        for sub in ("alice", "bob"):
            client = service.person(sub)
            for number in range(3):
                client.post(TODOS, json={"title": "x"}, headers={"Idempotency-Key": f'"{number}"'})
            for todo in client.get(TODOS).json()["items"][:2]:
                client.delete(f"{TODOS}/{todo['id']}")
            made = [client.post("/api/v1/lists", json={"name": "x"}).headers["Location"] for _ in range(2)]
            client.delete(made[0])
    now = datetime.now(UTC)
    for wait, left in ((29 * DAY, 6), (31 * DAY, 2)):
        removed = with_database(store, partial(purge.purge, now=now + wait))
        assert rows(request, store, "SELECT count(*) FROM todos") == [(left,)]
    assert (removed["todos"], removed["lists"]) == (4, 2)
    assert rows(request, store, "SELECT count(*) FROM lists WHERE deleted_at IS NULL") == [(2,)]
    assert rows(request, store, "SELECT count(*) FROM idempotency_keys") == [(0,)]
    assert rows(request, store, "SELECT count(*) FROM todos WHERE deleted_at IS NOT NULL") == [(0,)]


def test_of_many_processes_one_purges_at_a_time(store: str) -> None:
    now = datetime.now(UTC)

    async def compete(connected: Database) -> list[bool]:
        return [
            await purge.take_lease(connected, "first", now=now, until=now + DAY),
            await purge.take_lease(connected, "second", now=now, until=now + DAY),
            await purge.take_lease(connected, "first", now=now, until=now + DAY),
            await purge.take_lease(connected, "second", now=now + 2 * DAY, until=now + 3 * DAY),
        ]

    assert with_database(store, compete) == [True, False, True, True]


def test_the_purge_runs_by_itself_and_survives_a_failure(
    request: pytest.FixtureRequest, store: str, run_service: Any
) -> None:
    with run_service(database_url=store) as service:
        service.wait_until_ready()
        path = create(service.person("alice"))
        service.person("alice").delete(path)

    async def run(connected: Database) -> None:
        def clock() -> float:
            calls.append(0)
            if len(calls) == 3:
                enough.set()
            return (datetime.now(UTC) + 40 * DAY).timestamp() + 3600 * len(calls)

        calls: list[int] = []
        enough = asyncio.Event()
        interval = timedelta(milliseconds=20)
        purging = asyncio.create_task(purge.purge_forever(connected, clock=clock, interval=interval))
        await asyncio.wait_for(enough.wait(), 60)
        purging.cancel()
        await asyncio.gather(purging, return_exceptions=True)

    with_database(store, run)
    assert rows(request, store, "SELECT count(*) FROM todos") == [(0,)]
