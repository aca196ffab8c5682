"""/api/v1/changes: a client that asks from time to time gets the same todos as the service has."""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from todo_fixtures.service import FREQUENT, Service
from todo_service.todos.changes import TOKEN_TTL

TODOS, CHANGES = "/api/v1/todos", "/api/v1/changes"


class OfflineClient:
    """A client that keeps a copy, made only from the responses of /api/v1/changes."""

    def __init__(self, client: httpx2.Client, limit: int = 100) -> None:
        self.client, self.limit = client, limit
        self.todos: dict[str, Any] = {}
        self.since: str | None = None

    def ask(self) -> dict[str, Any]:
        parameters = {"limit": self.limit} | ({} if self.since is None else {"since": self.since})
        response = self.client.get(CHANGES, params=parameters)
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        for todo in answer["upserts"]:
            self.todos[todo["id"]] = todo
        for tombstone in answer["tombstones"]:
            self.todos.pop(tombstone["id"], None)
        self.since = answer["next"]
        return answer

    def catch_up(self) -> None:
        while self.ask()["has_more"]:
            pass


def stored(client: httpx2.Client) -> dict[str, Any]:
    return {todo["id"]: todo for todo in client.get(TODOS, params={"limit": 200}).json()["items"]}


ACTIONS = st.sampled_from(["create", "patch", "complete", "delete", "restore", "ask", "ask", "catch up"])


def act(client: httpx2.Client, offline: OfflineClient, action: str, target: int) -> None:
    live = sorted(stored(client))
    deleted = sorted(todo["id"] for todo in client.get(TODOS, params={"deleted": "only"}).json()["items"])
    match action:
        case "create":
            client.post(TODOS, json={"title": f"{target}"})
        case "ask":
            offline.ask()
        case "catch up":
            offline.catch_up()
        case "restore" if deleted:
            client.post(f"{TODOS}/{deleted[target % len(deleted)]}/restore")
        case "patch" if live:
            client.patch(f"{TODOS}/{live[target % len(live)]}", json={"title": f"{target}"})
        case "complete" if live:
            client.post(f"{TODOS}/{live[target % len(live)]}/complete")
        case "delete" if live:
            client.delete(f"{TODOS}/{live[target % len(live)]}")


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],  # a machine may stand still
)
@given(limit=st.integers(1, 4), actions=st.lists(st.tuples(ACTIONS, st.integers(0, 9)), min_size=5, max_size=25))
def test_an_offline_client_converges(shared_service: Service, limit: int, actions: list[tuple[str, int]]) -> None:
    client = shared_service.person()
    offline = OfflineClient(client, limit)
    for action, target in actions:
        act(client, offline, action, target)
    offline.catch_up()
    assert offline.todos == stored(client)
    quiet = {"upserts": [], "tombstones": [], "lists": [], "list_tombstones": [], "has_more": False}
    assert (answer := offline.ask()) == {**quiet, "next": offline.since, "last_event_id": answer["last_event_id"]}


def test_a_todo_is_shown_once_as_it_is_now(shared_service: Service) -> None:
    client = shared_service.person()
    made = [client.post(TODOS, json={"title": f"{n}"}).json() for n in range(3)]
    client.patch(f"{TODOS}/{made[0]['id']}", json={"title": "changed"})
    client.delete(f"{TODOS}/{made[1]['id']}")
    answer = client.get(CHANGES).json()
    assert [(todo["title"], todo["version"]) for todo in answer["upserts"]] == [("2", 1), ("changed", 2)]
    assert [tombstone["id"] for tombstone in answer["tombstones"]] == [made[1]["id"]]
    assert client.get(CHANGES, params={"since": answer["next"]}).json()["upserts"] == []


def test_what_changes_nothing_is_no_change(shared_service: Service) -> None:
    client = shared_service.person()
    made = client.post(TODOS, json={"title": "x"}).json()
    offline = OfflineClient(client)
    offline.catch_up()
    client.patch(f"{TODOS}/{made['id']}", json={"title": "x"})
    client.patch(f"{TODOS}/{made['id']}", json={"title": "y"}, headers={"If-Match": '"7"'})
    client.post(f"{TODOS}/{made['id']}/restore")
    answer = offline.ask()
    assert (answer["upserts"], answer["tombstones"]) == ([], [])


def run_at_once(tasks: list[Callable[[], None]]) -> None:
    with ThreadPoolExecutor(len(tasks)) as pool:
        for result in [pool.submit(task) for task in tasks]:
            result.result()


def test_no_change_appears_behind_a_token(shared_service: Service) -> None:
    """Several writers and a reader at once: changes are numbered in the order of their commits."""
    client = shared_service.person()
    offline, stop = OfflineClient(client, limit=7), threading.Event()

    def write(number: int) -> None:
        for each in range(25):
            made = client.post(TODOS, json={"title": f"{number} {each}"}).headers["Location"]
            if each % 3 == 0:
                client.patch(made, json={"priority": 1})
            if each % 5 == 0:
                client.delete(made)

    def follow() -> None:
        while not stop.is_set():
            offline.ask()

    def write_all() -> None:
        run_at_once([lambda number=number: write(number) for number in range(6)])  # type: ignore[misc]  # mypy: lambdas with defaults
        stop.set()

    run_at_once([write_all, follow])
    offline.catch_up()
    assert len(offline.todos) == 6 * 20
    assert offline.todos == stored(client)


def test_tampered_and_foreign_tokens_are_refused(shared_service: Service) -> None:
    alice, bob = shared_service.person(), shared_service.person()
    for client in (alice, bob):
        for _ in range(2):
            client.post(TODOS, json={"title": "x"})
    token = alice.get(CHANGES).json()["next"]
    cursor = alice.get(TODOS, params={"limit": 1}).json()["next_cursor"]
    changed = [f"{token[:n]}{'A' if token[n] != 'A' else 'B'}{token[n + 1 :]}" for n in range(len(token) - 1)]
    for wrong in (*changed, token[:-3], token + "AAAA", cursor, "", "x", "é", "0", "-1", "\0", "' OR 1=1 --"):
        response = alice.get(CHANGES, params={"since": wrong})
        assert (response.status_code, response.json()["type"]) == (400, "urn:problem-type:todo:invalid-sync-token")
    assert bob.get(CHANGES, params={"since": token}).status_code == 400
    assert alice.get(TODOS, params={"cursor": token}).status_code == 400
    assert alice.get(CHANGES, params={"since": token}).status_code == 200
    for limit in ("0", "501", "x"):
        assert alice.get(CHANGES, params={"limit": limit}).status_code == 400


def test_an_old_token_is_gone_and_a_walk_is_as_old_as_its_beginning(run_service: Any) -> None:
    now = [1_800_000_000.0]

    def client(service: Service) -> httpx2.Client:
        service.wait_until_ready()
        return service.person("alice", iat=int(now[0]), exp=int(now[0]) + 300)

    with run_service(clock=lambda: now[0], schedule=FREQUENT) as service:
        for _ in range(3):
            client(service).post(TODOS, json={"title": "x"})
        whole, part = OfflineClient(client(service)), OfflineClient(client(service), limit=1)
        whole.ask()
        part.ask()
        now[0] += (TOKEN_TTL - timedelta(seconds=1)).total_seconds()
        whole.client = part.client = client(service)
        whole.ask()
        part.ask()
        now[0] += 2
        whole.client = part.client = client(service)
        whole.ask()
        response = part.client.get(CHANGES, params={"since": part.since})
        assert (response.status_code, response.json()["type"]) == (410, "urn:problem-type:todo:sync-token-expired")


def test_a_token_from_before_a_restored_backup_is_gone(run_service: Any, sqlite_url: str) -> None:
    import sqlite3

    with run_service() as service:
        service.wait_until_ready()
        alice = service.person(uuid.uuid4().hex)
        alice.post(TODOS, json={"title": "x"})
        token = alice.get(CHANGES).json()["next"]
        with sqlite3.connect(sqlite_url.removeprefix("sqlite+aiosqlite:///")) as backup:
            backup.execute("DELETE FROM todos")
            backup.execute("UPDATE owners SET sequence = 0, todo_count = 0")
        backup.close()
        assert alice.get(CHANGES, params={"since": token}).status_code == 410


def test_the_export_has_everything(shared_service: Service) -> None:
    alice = shared_service.person()
    operations = [{"op": "create", "todo": {"title": f"{n}"}} for n in range(100)]
    for _ in range(4):
        alice.post(f"{TODOS}:batch", json={"operations": operations})
    deleted = alice.post(TODOS, json={"title": "deleted"})
    alice.delete(deleted.headers["Location"])
    response = alice.get("/api/v1/export")
    exported = response.json()
    assert response.headers["Content-Disposition"] == 'attachment; filename="todos.json"'
    assert [todo["title"] for todo in exported["todos"]] == [f"{n % 100}" for n in range(400)] + ["deleted"]
    assert exported["todos"][-1]["deleted_at"] is not None
    assert exported["todos"][0] == alice.get(f"{TODOS}/{exported['todos'][0]['id']}").json()
    assert shared_service.person().get("/api/v1/export").json()["todos"] == []
