"""Idempotency-Key: a request takes effect once, even if it is sent several times, one after the other or at once."""

import sqlite3
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from todo_fixtures.service import FREQUENT, Service
from todo_fixtures.stores import create_serving_role, serving_url
from todo_service.migrations import migrate
from todo_service.todos.idempotency import KEY_TTL

TODOS = "/api/v1/todos"


@pytest.fixture
def alice(shared_service: Service) -> httpx2.Client:
    return shared_service.person()


def fresh() -> dict[str, str]:
    return {"Idempotency-Key": f'"{uuid.uuid4()}"'}


def test_the_answer_is_repeated_whole(alice: httpx2.Client) -> None:
    key = fresh()
    first, second = (alice.post(TODOS, json={"title": "x"}, headers=key) for _ in range(2))
    assert (second.status_code, second.content) == (201, first.content)
    for name in ("Location", "ETag", "Content-Type", "Cache-Control"):
        assert second.headers[name] == first.headers[name]
    assert len(alice.get(TODOS).json()["items"]) == 1


def test_what_happened_since_does_not_change_the_answer(alice: httpx2.Client) -> None:
    key = fresh()
    first = alice.post(TODOS, json={"title": "x"}, headers=key)
    alice.delete(first.headers["Location"])
    assert alice.post(TODOS, json={"title": "x"}, headers=key).content == first.content
    assert alice.get(TODOS).json()["items"] == []


def test_the_key_with_another_body_is_refused(alice: httpx2.Client) -> None:
    key = fresh()
    alice.post(TODOS, json={"title": "x"}, headers=key)
    response = alice.post(TODOS, json={"title": "y"}, headers=key)
    assert (response.status_code, response.json()["type"]) == (422, "urn:problem-type:todo:idempotency-key-reused")
    assert len(alice.get(TODOS).json()["items"]) == 1


@pytest.mark.parametrize(
    "given", ["x", '""', '"', 'x"y"', '"a', '"a";b=1', '"a", "b"', f'"{"x" * 256}"', '"\xe9"', "", "1", "?1", '"a"b"']
)
def test_what_is_not_one_string_is_refused(alice: httpx2.Client, given: str) -> None:
    """RFC 9651 §3.3.3."""
    response = alice.post(TODOS, json={"title": "x"}, headers=[(b"Idempotency-Key", given.encode("latin-1"))])
    assert (response.status_code, response.json()["type"]) == (400, "urn:problem-type:todo:invalid-idempotency-key")
    twice = alice.post(TODOS, json={"title": "x"}, headers=[("Idempotency-Key", '"a"'), ("Idempotency-Key", '"b"')])
    assert twice.status_code == 400
    assert alice.get(TODOS).json()["items"] == []


def test_keys_are_apart_by_owner_client_and_route(shared_service: Service) -> None:
    sub, key = uuid.uuid4().hex, fresh()
    senders = [shared_service.person(sub, client_id=client) for client in ("web", "cli")]
    paths = [TODOS, f"/api/v1/users/{sub}/todos"]
    made = {client.post(path, json={"title": "x"}, headers=key).json()["id"] for client in senders for path in paths}
    assert len(made) == 4
    assert shared_service.person().post(TODOS, json={"title": "x"}, headers=key).status_code == 201


def test_a_refusal_does_not_use_the_key_up(run_service: Any) -> None:
    with run_service(quota=1) as service:
        service.wait_until_ready()
        alice, key = service.person(), fresh()
        first = alice.post(TODOS, json={"title": "x"})
        assert alice.post(TODOS, json={"title": ""}, headers=key).status_code == 422
        assert alice.post(TODOS, json={"title": "y"}, headers=key).status_code == 403
        alice.delete(first.headers["Location"])
        assert alice.post(TODOS, json={"title": "y"}, headers=key).status_code == 201


def test_a_key_expires_after_a_day(run_service: Any) -> None:
    now = [1_800_000_000.0]
    with run_service(clock=lambda: now[0], schedule=FREQUENT) as service:
        key, ids = fresh(), []
        for passed in (0, KEY_TTL.total_seconds(), 1, 5):
            now[0] += passed
            service.wait_until_ready()
            client = service.person("alice", iat=int(now[0]), exp=int(now[0]) + 300)
            ids.append(client.post(TODOS, json={"title": "x"}, headers=key).json()["id"])
        assert ids[0] == ids[1] != ids[2] == ids[3]


def repeat(clients: list[httpx2.Client], key: dict[str, str], times: int) -> list[httpx2.Response]:
    barrier = threading.Barrier(times)

    def send(number: int) -> httpx2.Response:
        barrier.wait()
        return clients[number % len(clients)].post(TODOS, json={"title": "once"}, headers=key)

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(send, range(times)))


def check_once(alice: httpx2.Client, key: dict[str, str], responses: list[httpx2.Response]) -> None:
    assert {response.status_code for response in responses} <= {201, 409}
    created = {response.content for response in responses if response.status_code == 201}
    assert len(created) == 1
    for response in responses:
        if response.status_code == 409:
            assert response.json()["type"] == "urn:problem-type:todo:request-in-progress"
            assert response.headers["Retry-After"] == "1"
    assert {alice.post(TODOS, json={"title": "once"}, headers=key).content} == created
    assert len(alice.get(TODOS).json()["items"]) == 1


def test_100_at_once_create_one(shared_service: Service) -> None:
    sub, key = uuid.uuid4().hex, fresh()
    limits = httpx2.Limits(max_connections=100)
    alice = shared_service.client(shared_service.person(sub).headers["Authorization"][7:], limits=limits)
    check_once(alice, key, repeat([alice], key, 100))


@pytest.mark.parametrize("store", ["sqlite", "postgres"])
def test_100_at_two_processes_create_one(request: pytest.FixtureRequest, run_service: Any, store: str) -> None:
    """Two services on one database do not know each other's requests in progress: the primary key decides."""
    if store == "sqlite":
        url = request.getfixturevalue("sqlite_url")
    else:
        owner = request.getfixturevalue("empty_postgres")
        create_serving_role(owner)
        url = serving_url(owner)
        migrate(owner, url)
    sub, key = uuid.uuid4().hex, fresh()
    with run_service(database_url=url) as one, run_service(database_url=url) as two:
        one.wait_until_ready()
        two.wait_until_ready()
        token = one.person(sub).headers["Authorization"][7:]
        limits = httpx2.Limits(max_connections=50)
        clients = [service.client(token, limits=limits) for service in (one, two)]
        check_once(clients[0], key, repeat(clients, key, 100))


def test_what_failed_is_not_remembered(run_service: Any, sqlite_url: str) -> None:
    """A 5xx is not stored: the same key may be sent again."""
    path = Path(sqlite_url.removeprefix("sqlite+aiosqlite:///"))
    with run_service() as service:
        service.wait_until_ready()
        alice, key = service.person(), fresh()
        with sqlite3.connect(path) as other:
            other.execute("ALTER TABLE todos RENAME TO elsewhere")
        assert alice.post(TODOS, json={"title": "x"}, headers=key).status_code >= 500
        with sqlite3.connect(path) as other:
            other.execute("ALTER TABLE elsewhere RENAME TO todos")
        other.close()
        assert alice.post(TODOS, json={"title": "x"}, headers=key).status_code == 201
        assert len(alice.get(TODOS).json()["items"]) == 1


def test_a_batch_takes_effect_once(alice: httpx2.Client) -> None:
    key, body = fresh(), {"operations": [{"op": "create", "todo": {"title": "x"}}] * 3}
    first, second = (alice.post(f"{TODOS}:batch", json=body, headers=key) for _ in range(2))
    assert first.content == second.content
    assert len(alice.get(TODOS).json()["items"]) == 3
