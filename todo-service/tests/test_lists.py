"""Pages of lists: a cursor neither skips nor repeats todos, and clients can neither forge nor reuse it elsewhere."""

import base64
import re
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from todo_fixtures.service import Service
from todo_service.todos import cursors
from todo_service.todos.identifiers import new_id, parse_id

TODOS = "/api/v1/todos"


def fill(client: httpx2.Client, count: int) -> list[str]:
    """Create todos. Returns their ids, the newest first, as in the default order."""
    made = [client.post(TODOS, json={"title": f"todo {number}"}).json()["id"] for number in range(count)]
    return made[::-1]


def pages(client: httpx2.Client, limit: int, path: str = TODOS) -> Iterator[list[dict[str, Any]]]:
    cursor: str | None = None
    for _ in range(1000):  # a limit, in case the links form a circle
        parameters = {"limit": str(limit)} | ({} if cursor is None else {"cursor": cursor})
        page = client.get(path, params=parameters).json()
        yield page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return


@pytest.mark.parametrize("limit", [1, 3, 7, 8, 200])
def test_a_walk_sees_every_todo_once_newest_first(shared_service: Service, limit: int) -> None:
    alice = shared_service.person()
    expected = fill(alice, 7)
    walked = list(pages(alice, limit))
    assert [todo["id"] for page in walked for todo in page] == expected
    assert all(walked)
    assert len(walked) == -(-7 // limit)


def test_an_empty_list_is_one_empty_page(shared_service: Service) -> None:
    response = shared_service.person().get(TODOS)
    assert response.json() == {"items": [], "next_cursor": None}
    assert "Link" not in response.headers


def test_a_page_has_50_todos_unless_told_otherwise(shared_service: Service) -> None:
    alice = shared_service.person()
    fill(alice, 51)
    first = alice.get(TODOS).json()
    assert len(first["items"]) == 50
    assert len(alice.get(TODOS, params={"limit": 200}).json()["items"]) == 51


@pytest.mark.parametrize("by_user", [False, True])
def test_the_link_header_leads_through_the_list(shared_service: Service, by_user: bool) -> None:
    """RFC 8288: the link has the same path as the request."""
    sub = uuid.uuid4().hex
    alice = shared_service.person(sub)
    expected = fill(alice, 5)
    url, seen = (f"/api/v1/users/{sub}/todos" if by_user else TODOS) + "?limit=2", []
    while url:
        response = alice.get(url)
        seen += [todo["id"] for todo in response.json()["items"]]
        link = response.headers.get("Link", "")
        match = re.fullmatch(r'<([^>]+)>; rel="next"', link)
        assert bool(match) is (response.json()["next_cursor"] is not None)
        url = match[1] if match else ""
        assert url.startswith(f"/api/v1/users/{sub}/todos?" if by_user else f"{TODOS}?") or not url
    assert seen == expected


def test_a_walk_neither_skips_nor_repeats_while_others_insert_and_delete(shared_service: Service) -> None:
    alice = shared_service.person()
    lasting = fill(alice, 40)
    doomed = lasting[5:35:5]
    stop = threading.Event()

    def disturb() -> None:
        while not stop.is_set():
            alice.post(TODOS, json={"title": "newer"})
        for id_ in doomed:
            alice.delete(f"{TODOS}/{id_}")

    with ThreadPoolExecutor(1) as pool:
        disturbing = pool.submit(disturb)
        walk = pages(alice, 3)
        seen = [todo["id"] for _ in range(6) for todo in next(walk)]
        stop.set()
        disturbing.result()
        seen += [todo["id"] for page in walk for todo in page]
    assert len(seen) == len(set(seen))
    assert set(lasting) - set(doomed) <= set(seen)
    assert [id_ for id_ in seen if id_ in lasting] == [id_ for id_ in lasting if id_ in seen]


def test_a_cursor_whose_todo_is_gone_goes_on_after_it(shared_service: Service) -> None:
    alice = shared_service.person()
    ids = fill(alice, 4)
    first = alice.get(TODOS, params={"limit": 2}).json()
    alice.delete(f"{TODOS}/{ids[1]}")
    second = alice.get(TODOS, params={"limit": 2, "cursor": first["next_cursor"]}).json()
    assert [todo["id"] for todo in second["items"]] == ids[2:]


def test_a_cursor_survives_a_restart(run_service: Any) -> None:
    """The cursors' key is in the database, so all processes use the same one."""
    with run_service() as service:
        service.wait_until_ready()
        ids = fill(service.person("alice"), 3)
        cursor = service.person("alice").get(TODOS, params={"limit": 1}).json()["next_cursor"]
    with run_service() as service:
        rest = service.person("alice").get(TODOS, params={"cursor": cursor}).json()["items"]
        assert [todo["id"] for todo in rest] == ids[1:]


def test_a_tampered_cursor_is_refused(shared_service: Service) -> None:
    alice = shared_service.person()
    fill(alice, 3)
    cursor = alice.get(TODOS, params={"limit": 1}).json()["next_cursor"]
    decoded = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    changed = [bytes(byte ^ (position == index) for index, byte in enumerate(decoded)) for position in range(32)]
    wrong = [
        *(base64.urlsafe_b64encode(each).decode().rstrip("=") for each in changed),
        cursor[:-2],
        base64.urlsafe_b64encode(decoded[:16]).decode(),
        base64.urlsafe_b64encode(decoded + b"\0").decode(),
        *("", "x", "*", "é", "\0", "a\nb", "null", "-1", "../..", "' OR 1=1 --", "x" * 100, "x" * 5000),
    ]
    for each in wrong:
        response = alice.get(TODOS, params={"cursor": each})
        assert response.status_code == 400, each
        assert response.json()["type"] in (
            "urn:problem-type:todo:invalid-cursor",
            "urn:problem-type:todo:invalid-parameter",
        )
    assert alice.get(TODOS, params={"cursor": cursor}).status_code == 200


def test_a_cursor_is_of_use_to_its_owner_only(shared_service: Service) -> None:
    alice, bob = shared_service.person(), shared_service.person()
    fill(alice, 2)
    cursor = alice.get(TODOS, params={"limit": 1}).json()["next_cursor"]
    assert bob.get(TODOS, params={"cursor": cursor}).status_code == 400


def test_cursors_of_another_key_are_refused() -> None:
    cursor = cursors.render(b"k" * 32, "alice", "list", "place")
    assert cursors.verify(b"k" * 32, "alice", "list", cursor) == "place"
    for key, owner, of in [(b"x", "alice", "list"), (b"k", "bob", "list"), (b"k", "alice", "changes")]:
        with pytest.raises(cursors.InvalidCursor):
            cursors.verify(key * 32, owner, of, cursor)


def test_ids_are_version_7_and_in_the_order_of_time() -> None:
    """RFC 9562 §5.7, §6.2."""
    made = [new_id(1_700_000_000 + number / 1_000_000) for number in range(0, 5000, 7)]
    assert made == sorted(made)
    assert {(id_.version, id_.variant) for id_ in made} == {(7, uuid.RFC_4122)}
    assert made[0].int >> 80 == 1_700_000_000_000
    assert new_id(1.0) != new_id(1.0)


@pytest.mark.parametrize(
    "text", ["", "x", "{01900000-0000-7000-8000-000000000000}", "01900000000070008000000000000000", "urn:uuid:0190"]
)
def test_only_the_usual_form_is_an_id(text: str) -> None:
    assert parse_id(text) is None
