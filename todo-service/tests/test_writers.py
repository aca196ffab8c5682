"""Many writers at once, on both databases: no change is lost or half written."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2

from todo_fixtures.service import Service

TODOS = "/api/v1/todos"
WRITERS = 12


def at_once(write: Callable[[int], httpx2.Response]) -> list[httpx2.Response]:
    barrier = threading.Barrier(WRITERS)

    def run(number: int) -> httpx2.Response:
        barrier.wait()
        return write(number)

    with ThreadPoolExecutor(WRITERS) as pool:
        return list(pool.map(run, range(WRITERS)))


def created(client: httpx2.Client, **fields: Any) -> tuple[str, dict[str, Any]]:
    response = client.post(TODOS, json={"title": "Buy milk", **fields})
    return response.headers["Location"], response.json()


def test_of_writers_that_name_one_version_one_wins(shared_service: Service) -> None:
    alice = shared_service.person()
    path, _ = created(alice)
    responses = at_once(
        lambda number: alice.patch(path, json={"title": f"writer {number}"}, headers={"If-Match": '"1"'})
    )
    assert sorted(response.status_code for response in responses) == [200] + [412] * (WRITERS - 1)
    [winner] = [response.json() for response in responses if response.status_code == 200]
    assert alice.get(path).json() == winner
    assert winner["version"] == 2


def test_writers_of_different_members_all_succeed(shared_service: Service) -> None:
    """A merge patch changes only the members that it names, so writers do not overwrite each other's."""
    alice = shared_service.person()
    path, _ = created(alice)
    patches: list[dict[str, Any]] = [{"title": "Oat"}, {"notes": "2 l"}, {"priority": 3}, {"status": "done"}]
    responses = at_once(lambda number: alice.patch(path, json=patches[number % 4]))
    assert {response.status_code for response in responses} == {200}
    todo = alice.get(path).json()
    assert (todo["title"], todo["notes"], todo["priority"], todo["status"]) == ("Oat", "2 l", 3, "done")


def test_every_change_without_a_condition_makes_one_version(shared_service: Service) -> None:
    alice = shared_service.person()
    path, _ = created(alice)
    responses = at_once(lambda number: alice.patch(path, json={"title": f"writer {number}", "notes": f"{number}"}))
    assert sorted(response.json()["version"] for response in responses) == list(range(2, WRITERS + 2))
    todo = alice.get(path).json()
    assert todo == max((response.json() for response in responses), key=lambda each: int(each["version"]))
    assert todo["title"] == f"writer {todo['notes']}"


def test_completing_at_once_completes_once(shared_service: Service) -> None:
    alice = shared_service.person()
    path, _ = created(alice)
    responses = at_once(lambda _: alice.post(f"{path}/complete"))
    assert [response.status_code for response in responses] == [200] * WRITERS
    assert {response.json()["version"] for response in responses} == {2}
    assert len({response.json()["completed_at"] for response in responses}) == 1


def test_deleting_at_once_deletes_once(shared_service: Service) -> None:
    alice = shared_service.person()
    path, _ = created(alice)
    responses = at_once(lambda _: alice.delete(path))
    assert sorted(response.status_code for response in responses) == [204] + [404] * (WRITERS - 1)


def test_many_creators_and_readers_are_all_served(shared_service: Service) -> None:
    """SQLite: one writer at a time, no `database is locked`."""
    alice = shared_service.person()

    def write(number: int) -> httpx2.Response:
        for _ in range(10):
            assert alice.get(TODOS).status_code == 200
            response = alice.post(TODOS, json={"title": f"todo {number}"})
            assert response.status_code == 201
        return response

    at_once(write)
    assert len(alice.get(TODOS, params={"limit": 200}).json()["items"]) == WRITERS * 10
