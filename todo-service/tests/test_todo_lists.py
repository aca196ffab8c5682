"""Lists: named, coloured, ordered. Todos of no list are in the inbox, which is always there."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from todo_fixtures.service import Service
from todo_service.todos import list_queries, queries

LISTS, TODOS, CHANGES = "/api/v1/lists", "/api/v1/todos", "/api/v1/changes"
EXCEEDED = "urn:problem-type:todo:quota-exceeded"
ABSENT = "01900000-0000-7000-8000-000000000000"


def new_list(client: httpx2.Client, name: str = "Shopping", **members: Any) -> dict[str, Any]:
    response = client.post(LISTS, json={"name": name, **members})
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


def new_todo(client: httpx2.Client, title: str, list_id: str | None) -> dict[str, Any]:
    response = client.post(TODOS, json={"title": title, "list_id": list_id})
    assert response.status_code == 201, response.text
    made: dict[str, Any] = response.json()
    return made


def titles(client: httpx2.Client, **parameters: str) -> list[str]:
    items = client.get(TODOS, params={"sort": "position", **parameters}).json()["items"]
    return [todo["title"] for todo in items]


def names(client: httpx2.Client, **parameters: str) -> list[str]:
    return [each["name"] for each in client.get(LISTS, params=parameters).json()["items"]]


def test_lists_are_named_coloured_and_ordered(shared_service: Service) -> None:
    alice = shared_service.person()
    assert alice.get(LISTS).json() == {"items": []}
    created = alice.post(LISTS, json={"name": "  Cafe\u0301 "}, headers={"Idempotency-Key": '"one"'})
    again = alice.post(LISTS, json={"name": "  Cafe\u0301 "}, headers={"Idempotency-Key": '"one"'})
    assert created.content == again.content
    first, path = created.json(), created.headers["Location"]
    assert (first["name"], first["color"], first["version"]) == ("Café", "gray", 1)
    new_list(alice, "Work", color="blue")
    assert names(alice) == ["Café", "Work"]
    listed = alice.get(LISTS)
    assert alice.get(LISTS, headers={"If-None-Match": listed.headers["ETag"]}).status_code == 304
    moved = alice.patch(path, json={"color": "red", "position": "zz"}, headers={"If-Match": '"1"'})
    assert (moved.json()["color"], moved.headers["ETag"]) == ("red", '"2"')
    assert names(alice) == ["Work", "Café"]
    assert alice.patch(path, json={"name": "x"}, headers={"If-Match": '"1"'}).status_code == 412
    assert alice.patch(path, json={"color": None}).json()["color"] == "gray"
    assert alice.patch(path, json={"color": "gray"}).json()["version"] == 3  # nothing changes
    assert alice.get(path).json() == alice.get(LISTS).json()["items"][1]


WRONG = {
    "empty": {"name": ""},
    "invisible": {"name": "\u200b\u2060"},
    "control": {"name": "a\nb"},
    "101-characters": {"name": "a" * 101},
    "marks": {"name": "a" + "\u0301" * 31},
    "novel": {"name": "\u0301" * 130_000},
    "no-name": {},
    "null": {"name": None},
    "color-of-css": {"name": "x", "color": "#f00"},
    "position-ending-in-0": {"name": "x", "position": "a0"},
    "unknown-member": {"name": "x", "colour": "red"},
}


@pytest.mark.parametrize("body", WRONG.values(), ids=WRONG)
def test_what_is_no_list_is_refused_by_its_member(sqlite_service: Service, body: dict[str, Any]) -> None:
    """The length and the marks are counted before the name is normalized."""
    alice = sqlite_service.person()
    refused = alice.post(LISTS, json=body)
    assert (refused.status_code, len(refused.json()["errors"])) == (422, 1)
    assert names(alice) == []


def test_a_todo_is_in_one_list_or_in_the_inbox(shared_service: Service) -> None:
    alice, bob = shared_service.person(), shared_service.person()
    work, home = new_list(alice, "Work")["id"], new_list(alice, "Home")["id"]
    theirs, gone = new_list(bob)["id"], new_list(alice, "Gone")["id"]
    assert alice.delete(f"{LISTS}/{gone}").status_code == 204
    new_todo(alice, "nowhere", None)
    path = f"{TODOS}/{new_todo(alice, 'report', work)['id']}"
    assert (titles(alice, list_id="inbox"), titles(alice, list_id=work)) == (["nowhere"], ["report"])
    assert titles(alice) == ["nowhere", "report"]
    assert alice.patch(path, json={"list_id": home}).json()["list_id"] == home
    assert (titles(alice, list_id=work), titles(alice, list_id=home, q="REP")) == ([], ["report"])
    assert titles(alice, list_id=home, sort="-due", status="done") == []
    for unknown in (theirs, gone, ABSENT, "inbox", 7):
        created = alice.post(TODOS, json={"title": "x", "list_id": unknown})
        patched = alice.patch(path, json={"title": "x", "list_id": unknown})
        operations = [{"op": "create", "todo": {"title": "x", "list_id": unknown}}]
        [result] = alice.post(f"{TODOS}:batch", json={"operations": operations}).json()["results"]
        assert (created.status_code, patched.status_code, result["status"]) == (422, 422, 422)
        assert [each["pointer"] for each in created.json()["errors"]] == ["/list_id"]
        assert [each["pointer"] for each in result["problem"]["errors"]] == ["/operations/0/todo/list_id"]
    assert titles(alice, list_id=theirs) == []
    assert alice.get(TODOS, params={"list_id": "x"}).status_code == 400
    assert alice.patch(path, json={"list_id": None}).json()["list_id"] is None
    assert titles(alice, list_id="inbox") == ["nowhere", "report"]
    operations = [{"op": "update", "id": path.rpartition("/")[2], "todo": {"list_id": work}}]
    assert alice.post(f"{TODOS}:batch", json={"operations": operations}).json()["results"][0]["status"] == 200
    assert titles(alice, list_id=work) == ["report"]


def test_a_list_is_deleted_with_its_todos_and_restored_with_them(
    shared_service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In several transactions. What was deleted before stays deleted; what is restored alone goes to the inbox."""
    monkeypatch.setattr(queries, "REMOVED_AT_ONCE", 1)
    alice = shared_service.person()
    shopping = new_list(alice)["id"]
    for title in ("milk", "bread", "tea"):
        new_todo(alice, title, shopping)
    before = new_todo(alice, "sold out", shopping)
    new_todo(alice, "elsewhere", None)
    alice.delete(f"{TODOS}/{before['id']}")
    since = alice.get(CHANGES).json()["next"]
    assert alice.delete(f"{LISTS}/{shopping}", headers={"If-Match": '"9"'}).status_code == 412
    assert alice.delete(f"{LISTS}/{shopping}").status_code == 204
    assert (names(alice), names(alice, deleted="only"), titles(alice)) == ([], ["Shopping"], ["elsewhere"])
    assert [alice.get(f"{LISTS}/{shopping}").status_code, alice.delete(f"{LISTS}/{shopping}").status_code] == [404, 404]
    changed = alice.get(CHANGES, params={"since": since}).json()
    assert [each["id"] for each in changed["list_tombstones"]] == [shopping]
    assert (len(changed["tombstones"]), changed["lists"], changed["upserts"]) == (3, [], [])
    alone = changed["tombstones"][0]["id"]
    assert alice.post(f"{TODOS}/{alone}/restore").json()["list_id"] is None
    restored = alice.post(f"{LISTS}/{shopping}/restore")
    assert (restored.status_code, restored.json()["deleted_at"]) == (200, None)
    assert titles(alice, list_id=shopping) == ["bread", "tea"]
    assert titles(alice, list_id="inbox") == ["milk", "elsewhere"]
    changed = alice.get(CHANGES, params={"since": changed["next"]}).json()
    assert ([each["id"] for each in changed["lists"]], len(changed["upserts"])) == ([shopping], 3)
    assert alice.post(f"{LISTS}/{shopping}/restore").json() == alice.get(f"{LISTS}/{shopping}").json()
    operations = [{"op": "restore", "id": before["id"]}]
    [result] = alice.post(f"{TODOS}:batch", json={"operations": operations}).json()["results"]
    assert result["todo"]["list_id"] == shopping


def test_a_list_is_not_restored_without_room_for_all_its_todos(run_service: Any) -> None:
    with run_service(quota=3) as service:
        service.wait_until_ready()
        alice = service.person("alice")
        shopping = new_list(alice)["id"]
        for title in ("milk", "bread"):
            new_todo(alice, title, shopping)
        alice.delete(f"{LISTS}/{shopping}")
        for title in ("a", "b"):
            new_todo(alice, title, None)
        refused = alice.post(f"{LISTS}/{shopping}/restore")
        assert (refused.status_code, refused.json()["type"]) == (403, EXCEEDED)
        assert (names(alice), titles(alice)) == ([], ["a", "b"])
        new_todo(alice, "c", None)  # the counter is right
        assert alice.post(TODOS, json={"title": "d"}).status_code == 403


def test_the_number_of_lists_is_limited(shared_service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_queries, "MOST_LISTS", 2)
    monkeypatch.setattr(list_queries, "MOST_ROWS", 3)
    alice = shared_service.person()
    first, _ = new_list(alice), new_list(alice)
    refused = alice.post(LISTS, json={"name": "x"})
    assert (refused.status_code, refused.json()["type"]) == (403, EXCEEDED)
    alice.delete(f"{LISTS}/{first['id']}")
    third = new_list(alice)
    assert alice.post(f"{LISTS}/{first['id']}/restore").status_code == 403
    alice.delete(f"{LISTS}/{third['id']}")
    assert "deleted ones" in alice.post(LISTS, json={"name": "x"}).json()["detail"]
    assert alice.post(f"{LISTS}/{first['id']}/restore").status_code == 200


def test_no_todo_is_left_in_a_list_that_is_deleted_meanwhile(shared_service: Service) -> None:
    """Some put todos into the list, or restore them there, while it is deleted."""
    alice = shared_service.person()
    shopping = new_list(alice)["id"]
    begun = threading.Barrier(4, timeout=60)

    def put(number: int) -> set[int]:
        begun.wait()
        made = [alice.post(TODOS, json={"title": f"{number} {n}", "list_id": shopping}) for n in range(12)]
        alice.post(f"{TODOS}/{made[0].json().get('id', ABSENT)}/restore")
        return {each.status_code for each in made}

    def delete() -> int:
        begun.wait()
        return alice.delete(f"{LISTS}/{shopping}").status_code

    with ThreadPoolExecutor(4) as pool:
        putting = [pool.submit(put, number) for number in range(3)]
        assert pool.submit(delete).result(60) == 204
    assert set().union(*(each.result() for each in putting)) <= {201, 422}
    assert titles(alice, list_id=shopping) == []


@pytest.mark.parametrize("limit", [1, 100])
def test_changes_and_the_export_have_every_list(shared_service: Service, limit: int) -> None:
    """However the todos between them are cut into pages, and each list once."""
    alice = shared_service.person()
    made = []
    for number in range(3):
        made.append(new_list(alice, f"{number}"))
        for title in "ab":
            new_todo(alice, title, made[-1]["id"])
    alice.delete(f"{LISTS}/{made.pop()['id']}")
    seen, gone, since, has_more = [], [], None, True
    while has_more:
        page = alice.get(CHANGES, params={"limit": limit, **({"since": since} if since else {})}).json()
        seen += page["lists"]
        gone += page["list_tombstones"]
        since, has_more = page["next"], page["has_more"]
    assert seen == made == alice.get(LISTS).json()["items"]
    assert len(gone) == 1
    quiet = alice.get(CHANGES, params={"since": since}).json()
    assert (quiet["lists"], quiet["list_tombstones"], quiet["upserts"]) == ([], [], [])
    exported = alice.get("/api/v1/export").json()["lists"]
    assert exported[:2] == made
    assert (len(exported), exported[2]["deleted_at"] is None) == (3, False)
