"""The todo API over HTTP, on both databases."""

import re
import uuid
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from todo_fixtures.service import Service

PATCH = {"Content-Type": "application/merge-patch+json"}


@pytest.fixture
def alice(shared_service: Service) -> httpx2.Client:
    return shared_service.person()


def create(client: httpx2.Client, title: str = "Buy milk", **fields: Any) -> dict[str, Any]:
    response = client.post("/api/v1/todos", json={"title": title, **fields})
    assert response.status_code == 201, response.text
    todo: dict[str, Any] = response.json()
    return todo


def test_a_todo_is_created_with_defaults(alice: httpx2.Client) -> None:
    response = alice.post("/api/v1/todos", json={"title": "Buy milk"})
    todo = response.json()
    assert response.status_code == 201
    assert response.headers["Location"] == f"/api/v1/todos/{todo['id']}"
    assert response.headers["ETag"] == '"1"'
    assert uuid.UUID(todo["id"]).version == 7
    assert {name: todo[name] for name in ("title", "notes", "status", "completed_at", "priority", "due")} == {
        "title": "Buy milk",
        "notes": "",
        "status": "open",
        "completed_at": None,
        "priority": 0,
        "due": None,
    }
    assert todo["version"] == 1
    assert todo["created_at"] == todo["updated_at"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", todo["created_at"])
    assert "owner" not in todo


def test_the_location_leads_to_the_todo(alice: httpx2.Client) -> None:
    created = alice.post("/api/v1/todos", json={"title": "Buy milk"})
    read = alice.get(created.headers["Location"])
    assert (read.status_code, read.json()) == (200, created.json())
    assert read.headers["ETag"] == created.headers["ETag"]


def test_the_path_with_the_owner_answers_alike(shared_service: Service) -> None:
    sub = f"person {uuid.uuid4().hex}/ü?"
    alice = shared_service.person(sub.replace("/", ""))
    path = f"/api/v1/users/{sub.replace('/', '').replace(' ', '%20').replace('ü', '%C3%BC').replace('?', '%3F')}/todos"
    created = alice.post(path, json={"title": "Buy milk"})
    assert created.headers["Location"] == f"{path}/{created.json()['id']}"
    assert alice.get(created.headers["Location"]).json() == created.json()
    assert (
        alice.get("/api/v1/todos").json() == alice.get(path).json() == {"items": [created.json()], "next_cursor": None}
    )


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        pytest.param("  Buy milk \n", "Buy milk", id="trimmed"),
        pytest.param("Cafe\u0301", "Café", id="NFC"),
        pytest.param("\U0001f468‍\U0001f469‍\U0001f467 שלום", "\U0001f468‍\U0001f469‍\U0001f467 שלום", id="emoji-rtl"),
        pytest.param("x" * 500, "x" * 500, id="longest"),
        pytest.param("é" * 500, "é" * 500, id="longest-NFC"),
    ],
)
def test_titles_are_stored_as_written(alice: httpx2.Client, given: str, stored: str) -> None:
    assert alice.get(f"/api/v1/todos/{create(alice, given)['id']}").json()["title"] == stored


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("2027-01-31", "2027-01-31"),
        ("2027-01-31T09:00:00+01:00", "2027-01-31T09:00:00+01:00"),
        ("2027-01-31t09:00:00z", "2027-01-31T09:00:00Z"),
        ("2028-02-29T23:59:59.123456Z", "2028-02-29T23:59:59.123456Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59Z", "9999-12-31T23:59:59Z"),
        ("2027-07-31T09:00:00+02:00[Europe/Berlin]", "2027-07-31T09:00:00+02:00[Europe/Berlin]"),
        ("2027-07-31T09:00:00[Europe/Berlin]", "2027-07-31T09:00:00+02:00[Europe/Berlin]"),
        ("2027-07-31T07:00:00Z[Europe/Berlin]", "2027-07-31T09:00:00+02:00[Europe/Berlin]"),
        ("2027-03-28T02:30:00[Europe/Berlin]", "2027-03-28T03:30:00+02:00[Europe/Berlin]"),
        ("2027-10-31T02:30:00[Europe/Berlin]", "2027-10-31T02:30:00+02:00[Europe/Berlin]"),
        ("2027-10-31T02:30:00+01:00[Europe/Berlin]", "2027-10-31T02:30:00+01:00[Europe/Berlin]"),
    ],
)
def test_due_is_a_date_or_a_time_with_its_zone(alice: httpx2.Client, given: str, stored: str) -> None:
    """RFC 9557. Hours that a zone skips, or has twice, follow RFC 5545 §3.3.5."""
    todo = create(alice, due=given)
    assert todo["due"] == stored
    assert alice.get(f"/api/v1/todos/{todo['id']}").json()["due"] == stored
    assert alice.patch(f"/api/v1/todos/{todo['id']}", json={"due": stored}).json() == todo


def test_a_new_todo_comes_after_those_before_it(alice: httpx2.Client) -> None:
    first, second = create(alice), create(alice)
    assert first["position"] < second["position"]


def test_moving_a_todo_touches_that_todo_only(alice: httpx2.Client) -> None:
    """There is always a position between two others, so no other todo changes."""
    made = [create(alice, str(number), position=position) for number, position in enumerate(["a", "b", "c"])]
    moved = alice.patch(f"/api/v1/todos/{made[2]['id']}", json={"position": "aV"}).json()
    listed = alice.get("/api/v1/todos", params={"sort": "position"}).json()["items"]
    assert listed == [made[0], moved, made[1]]


@pytest.mark.parametrize("content_type", ["application/merge-patch+json", "application/json; charset=utf-8"])
def test_a_merge_patch_changes_what_it_names(alice: httpx2.Client, content_type: str) -> None:
    """RFC 7396."""
    todo = create(alice, notes="2 l", priority=2)
    response = alice.patch(
        f"/api/v1/todos/{todo['id']}", content=b'{"title": "Buy oat milk"}', headers={"Content-Type": content_type}
    )
    changed = response.json()
    assert (response.status_code, response.headers["ETag"]) == (200, '"2"')
    assert changed["updated_at"] > todo["updated_at"]
    assert changed == {**todo, "title": "Buy oat milk", "version": 2, "updated_at": changed["updated_at"]}


def test_null_resets_what_has_a_default(alice: httpx2.Client) -> None:
    todo = create(alice, notes="2 l", priority=2, due="2027-01-31T09:00:00Z")
    patch = {"notes": None, "priority": None, "due": None}
    changed = alice.patch(f"/api/v1/todos/{todo['id']}", json=patch).json()
    assert (changed["notes"], changed["priority"], changed["due"]) == ("", 0, None)


@pytest.mark.parametrize("patch", [{}, {"title": "Buy milk"}, {"status": "open", "due": None}])
def test_a_patch_that_changes_nothing_makes_no_version(alice: httpx2.Client, patch: dict[str, Any]) -> None:
    todo = create(alice)
    response = alice.patch(f"/api/v1/todos/{todo['id']}", json=patch)
    assert (response.status_code, response.json()) == (200, todo)


def test_completing_is_idempotent_and_reopening_undoes_it(alice: httpx2.Client) -> None:
    path = f"/api/v1/todos/{create(alice)['id']}"
    done = alice.post(f"{path}/complete").json()
    assert done["status"] == "done"
    assert datetime.fromisoformat(done["completed_at"]) <= datetime.now(UTC)
    assert alice.post(f"{path}/complete").json() == done
    reopened = alice.post(f"{path}/reopen").json()
    assert (reopened["status"], reopened["completed_at"], reopened["version"]) == ("open", None, 3)
    assert alice.post(f"{path}/reopen").json() == reopened


def test_status_by_patch_keeps_the_time_of_completion(alice: httpx2.Client) -> None:
    todo = create(alice, status="done")
    assert todo["completed_at"] == todo["created_at"]
    changed = alice.patch(f"/api/v1/todos/{todo['id']}", json={"status": "done", "title": "Milk"}).json()
    assert changed["completed_at"] == todo["completed_at"]
    assert alice.patch(f"/api/v1/todos/{todo['id']}", json={"status": "open"}).json()["completed_at"] is None


def test_a_deleted_todo_is_gone(alice: httpx2.Client) -> None:
    path = f"/api/v1/todos/{create(alice)['id']}"
    response = alice.delete(path)
    assert (response.status_code, response.content) == (204, b"")
    assert [alice.get(path).status_code, alice.delete(path).status_code] == [404, 404]
    assert alice.get("/api/v1/todos").json()["items"] == []


@pytest.mark.parametrize("verb", ["patch", "complete", "reopen", "delete"])
@pytest.mark.parametrize(
    ("if_match", "expected"),
    [
        pytest.param('"2"', True, id="current"),
        pytest.param('"1"', False, id="old"),
        pytest.param('"1", "2"', True, id="list"),
        pytest.param("*", True, id="any"),
        pytest.param('W/"2"', False, id="weak"),
        pytest.param("2", False, id="unquoted"),
        pytest.param('"99999999999999999999"', False, id="huge"),
        pytest.param('"\xe9"', False, id="latin-1"),
    ],
)
def test_if_match_must_name_the_version(alice: httpx2.Client, verb: str, if_match: str, expected: bool) -> None:
    """RFC 9110 §13.1.1: another version gets 412 with the current ETag, and nothing is changed."""
    path = f"/api/v1/todos/{create(alice)['id']}"
    before = alice.patch(path, json={"priority": 1}).json()
    headers = [(b"If-Match", if_match.encode("latin-1"))]
    match verb:
        case "patch":
            response = alice.patch(path, json={"title": "Changed"}, headers=headers)
        case "delete":
            response = alice.delete(path, headers=headers)
        case _:
            response = alice.post(f"{path}/{verb}", headers=headers)
    if expected:
        assert response.status_code in (200, 204)
    else:
        assert (response.status_code, response.headers["ETag"]) == (412, '"2"')
        assert response.json()["type"] == "urn:problem-type:todo:precondition-failed"
        assert alice.get(path).json() == before
