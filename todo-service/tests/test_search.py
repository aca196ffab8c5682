"""Filters, orders and search: every list can be read page by page, and a cursor is valid for one list."""

import itertools
from typing import Any

import httpx2
import pytest

from todo_fixtures.service import Service
from todo_service.todos.lists import ORDERS

TODOS = "/api/v1/todos"


@pytest.fixture
def alice(shared_service: Service) -> httpx2.Client:
    return shared_service.person()


def create(client: httpx2.Client, **fields: Any) -> dict[str, Any]:
    response = client.post(TODOS, json={"title": "x", **fields})
    assert response.status_code == 201, response.text
    todo: dict[str, Any] = response.json()
    return todo


def walk(client: httpx2.Client, **parameters: Any) -> list[dict[str, Any]]:
    seen: list[dict[str, Any]] = []
    cursor: str | None = None
    for _ in range(1000):
        more = {} if cursor is None else {"cursor": cursor}
        response = client.get(TODOS, params={**parameters, **more})
        assert response.status_code == 200, response.text
        seen += response.json()["items"]
        cursor = response.json()["next_cursor"]
        if cursor is None:
            return seen
    raise AssertionError("the walk does not end")


NEVER = "9999-12-31T23:59:59.999999"
KEYS: dict[str, Any] = {
    "created": lambda todo: todo["id"],
    "updated": lambda todo: (todo["updated_at"], todo["id"]),
    "due": lambda todo: (todo["due"] or NEVER, todo["id"]),
    "priority": lambda todo: (todo["priority"], todo["id"]),
    "position": lambda todo: (todo["position"], todo["id"]),
}


@pytest.mark.parametrize("order", ORDERS)
def test_every_order_is_walked_once_with_ties_by_id(alice: httpx2.Client, order: str) -> None:
    dues, positions = ["2027-01-31", None, "2027-01-30"], ["a", "B", "aV", "Z"]
    made = [
        create(alice, priority=number % 3, due=dues[number % 3], position=positions[number % 4]) for number in range(12)
    ]
    alice.patch(f"{TODOS}/{made[3]['id']}", json={"title": "updated last"})
    everything = alice.get(TODOS).json()["items"]
    expected = sorted(everything, key=KEYS[order.removeprefix("-")], reverse=order.startswith("-"))
    for limit in (1, 5, 12):
        assert walk(alice, sort=order, limit=limit) == expected


@pytest.mark.parametrize("order", ["due", "-priority", "position"])
def test_a_sorted_walk_neither_skips_nor_repeats_while_others_insert(alice: httpx2.Client, order: str) -> None:
    lasting = {create(alice, priority=n % 4, due=f"2027-01-{n + 1:02}", position=f"a{n:02}V")["id"] for n in range(20)}
    first = alice.get(TODOS, params={"sort": order, "limit": 7}).json()
    seen = [todo["id"] for todo in first["items"]]
    for number in range(10):
        create(alice, priority=number % 4, due=f"2027-01-{number + 1:02}", position=f"a{number:02}P")
    cursor = first["next_cursor"]
    while cursor:
        page = alice.get(TODOS, params={"sort": order, "limit": 7, "cursor": cursor}).json()
        seen += [todo["id"] for todo in page["items"]]
        cursor = page["next_cursor"]
    assert len(seen) == len(set(seen))
    assert lasting <= set(seen)


@pytest.mark.parametrize(
    ("parameters", "titles"),
    [
        ({"status": "done"}, "c"),
        ({"priority": 2}, "bc"),
        ({"due_before": "2027-02-01"}, "ab"),
        ({"due_before": "2027-01-31T12:00:00Z"}, "a"),
        ({"due_after": "2027-01-31T11:00:00Z"}, "bc"),
        ({"due_after": "2027-01-31T12:00:00Z", "due_before": "2027-02-01"}, "b"),
        ({"due_after": "2027-02-01", "status": "done", "priority": 2}, "c"),
        ({"status": "open", "priority": 3}, ""),
    ],
)
def test_filters_combine(alice: httpx2.Client, parameters: dict[str, Any], titles: str) -> None:
    create(alice, title="a", due="2027-01-31")
    create(alice, title="b", due="2027-01-31T12:00:00+00:00[Europe/London]", priority=2)
    create(alice, title="c", due="2027-02-01T00:00:00Z", priority=2, status="done")
    create(alice, title="d")
    for limit in (1, 50):
        assert "".join(todo["title"] for todo in walk(alice, sort="created", limit=limit, **parameters)) == titles


@pytest.mark.parametrize(
    ("q", "titles"),
    [
        pytest.param("%", ["100% wool"], id="percent"),
        pytest.param("_", ["snake_case"], id="underscore"),
        pytest.param("\\", ["back\\slash"], id="backslash"),
        pytest.param("'", ["it's"], id="quote"),
        pytest.param('"', ['"quoted"'], id="double-quote"),
        pytest.param("' OR 1=1 --", [], id="sql"),
        pytest.param("e_c", ["snake_case"], id="not-a-wildcard"),
        pytest.param("0%_", [], id="no-pattern"),
        pytest.param("WOOL", ["100% wool"], id="any-case"),
        pytest.param("straße", ["STRASSE, Straße"], id="sharp-s"),
        pytest.param("ÄPFEL", ["äpfel"], id="umlaut"),
        pytest.param("in the notes", ["noted"], id="notes"),
        pytest.param("🥛", ["milk 🥛"], id="emoji"),
        pytest.param("cafe\u0301", ["Caf\u00e9"], id="two-code-points-find-one"),
        pytest.param("CAFE\u0301", ["Caf\u00e9"], id="two-code-points-in-upper-case"),
        pytest.param("cre\u0300me br\u00fbl\u00e9e", ["noted"], id="mixed-forms-find-two-code-points-in-notes"),
        pytest.param("strasse", ["STRASSE, Straße"], id="sharp-s-as-two-letters"),
        pytest.param("όσος", ["ΌΣΟΣ"], id="final-sigma-in-q"),
        pytest.param("ΌΣΟΣ", ["ΌΣΟΣ"], id="capital-sigma-in-q"),
        pytest.param("wool\u0300", [], id="a-mark-is-not-ignored"),
        pytest.param("wool_snake", [], id="title-and-notes-are-apart"),
    ],
)
def test_search_finds_text_and_nothing_in_it_is_special(alice: httpx2.Client, q: str, titles: list[str]) -> None:
    for title in ("100% wool", "snake_case", "back\\slash", "it's", '"quoted"', "STRASSE, Straße", "äpfel", "milk 🥛"):
        create(alice, title=title)
    for title in ("Caf\u00e9", "ΌΣΟΣ"):
        create(alice, title=title)
    create(alice, title="noted", notes="Something In the Notes: cr\u00e8me bru\u0302le\u0301e")
    assert [todo["title"] for todo in walk(alice, q=q)] == titles


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("status", "later"), ("status", ""), ("priority", "4"), ("priority", "x"), ("priority", "9" * 400),
        ("due_before", "tomorrow"), ("due_before", "2027-02-30"), ("due_after", "2027-01-31T09:00:00"),
        ("due_after", "2027-01-31T09:00:00+05:00[Europe/Berlin]"), ("sort", "title"), ("sort", "--due"), ("sort", ""),
        ("q", ""), ("q", "a\0b"), ("q", "x" * 201), ("q", "\u202e"), ("deleted", "yes"), ("colour", "red"),
    ],
)  # fmt: skip
def test_a_wrong_parameter_is_named(alice: httpx2.Client, name: str, value: str) -> None:
    response = alice.get(TODOS, params={name: value})
    assert (response.status_code, response.json()["type"]) == (400, "urn:problem-type:todo:invalid-parameter")
    assert [error["parameter"] for error in response.json()["errors"]] == [name]


def test_a_cursor_belongs_to_its_order_and_filters(alice: httpx2.Client) -> None:
    for number in range(4):
        create(alice, priority=number % 2, due="2027-01-31")
    asked: list[dict[str, Any]] = [
        {}, {"sort": "due"}, {"sort": "-due"}, {"status": "open"}, {"q": "x"}, {"due_before": "2028-01-01"}
    ]  # fmt: skip
    cursors = [alice.get(TODOS, params={**each, "limit": 1}).json()["next_cursor"] for each in asked]
    for parameters, (number, cursor) in itertools.product(asked, enumerate(cursors)):
        response = alice.get(TODOS, params={**parameters, "cursor": cursor, "limit": 2})
        assert response.status_code == (200 if parameters == asked[number] else 400)
        if response.is_error:
            assert response.json()["type"] == "urn:problem-type:todo:invalid-cursor"


def test_the_link_keeps_order_and_filters(alice: httpx2.Client) -> None:
    for number in range(3):
        create(alice, title=f"100% & more {number}")
    url, seen = f"{TODOS}?limit=1&sort=position&q=100%25%20%26&status=open", []
    while url:
        response = alice.get(url)
        seen += [todo["title"][-1] for todo in response.json()["items"]]
        url = response.headers.get("Link", "").removeprefix("<").removesuffix('>; rel="next"')
    assert seen == ["0", "1", "2"]
