"""Texts are bounded before they are normalized, and a title shows something."""

import json
import unicodedata
from typing import Any

import httpx2
import pytest

from todo_fixtures.normalizing import MARKS, counted
from todo_fixtures.service import Service
from todo_service.todos.texts import MAX_MARKS, is_visible, normalized

TODOS = "/api/v1/todos"
WORK = 100_000  # steps: far less than 65,000 marks in a row need, which is 4,000,000,000


@pytest.fixture
def alice(sqlite_service: Service) -> httpx2.Client:
    return sqlite_service.person()


def hostile(marks: str) -> str:
    return "a" + marks * (65_000 // len(marks))


FIELDS = ("title", "notes", "status", "due", "position", "an unknown member")


def bodies(text: str) -> dict[str, Any]:
    return {name: {"title": "x", name: text} for name in FIELDS} | {"a member's name": {"title": "x", text: 1}}


@pytest.mark.parametrize("name", bodies(""))
@pytest.mark.parametrize("marks", MARKS)
@pytest.mark.parametrize("how", ["POST", "PATCH", "batch"])
def test_no_field_is_normalized_before_it_is_bounded(alice: httpx2.Client, how: str, marks: str, name: str) -> None:
    before = alice.post(TODOS, json={"title": "x"}).json()
    body: Any = bodies(hostile(MARKS[marks]))[name]
    method, path = ("PATCH", f"{TODOS}/{before['id']}") if how == "PATCH" else ("POST", TODOS)
    if how == "batch":
        path = f"{TODOS}:batch"
        body = {"operations": [{"op": "update", "id": before["id"], "todo": body}]}
    content = json.dumps(body, ensure_ascii=False).encode()
    with counted() as work:
        response = alice.request(method, path, content=content, headers={"Content-Type": "application/json"})
    status = response.json()["results"][0]["status"] if how == "batch" else response.status_code
    assert (status, work.done < WORK) == (422, True)
    assert alice.get(f"{TODOS}/{before['id']}").json() == before


@pytest.mark.parametrize("marks", MARKS)
def test_many_short_titles_of_marks_cost_little(alice: httpx2.Client, marks: str) -> None:
    """A hundred titles of the greatest length in one batch: each is bounded by itself."""
    title = ("a" + MARKS[marks] * 15)[: MAX_MARKS + 1] * 16
    body = {"operations": [{"op": "create", "todo": {"title": title}}] * 100}
    with counted() as work:
        response = alice.post(f"{TODOS}:batch", json=body)
    assert {result["status"] for result in response.json()["results"]} == {201}
    assert work.done <= 100 * len(title) * (MAX_MARKS + 1)


@pytest.mark.parametrize("name", ["q", "cursor", "sort", "due_before", "status", "limit", "an unknown name"])
@pytest.mark.parametrize("marks", MARKS)
def test_no_parameter_is_normalized_before_it_is_bounded(alice: httpx2.Client, name: str, marks: str) -> None:
    with counted() as work:
        response = alice.get(TODOS, params={name: hostile(MARKS[marks])[:6_000]})
    assert (response.status_code, work.done < WORK) == (400, True)


@pytest.mark.parametrize("name", ["Idempotency-Key", "If-Match", "Prefer", "Authorization", "Content-Type", "Origin"])
def test_no_header_is_normalized(alice: httpx2.Client, name: str) -> None:
    value = hostile(MARKS["two in the wrong order"])[:8_000].encode()
    with counted() as work:
        response = alice.post(TODOS, json={"title": "x"}, headers=[(name.encode(), value)])
    assert response.status_code < 500
    assert work.done < WORK


@pytest.mark.parametrize("marks", MARKS)
def test_marks_are_counted_before_they_are_sorted(marks: str) -> None:
    with counted() as work, pytest.raises(ValueError, match="combining marks"):
        normalized("a" + MARKS[marks] * 31, max_length=500)
    assert work.done == 0


def test_a_text_that_cannot_become_short_enough_is_refused_unread() -> None:
    with counted() as work, pytest.raises(ValueError, match="at most 500"):
        normalized("a" * 2_001, max_length=500)
    assert work.done == 0


def test_a_text_that_becomes_short_enough_is_taken() -> None:
    decomposed = unicodedata.normalize("NFD", "\u1f82" * 500)
    assert len(decomposed) == 2_000
    assert normalized(f" \t{decomposed}\n", max_length=500) == "\u1f82" * 500
    with pytest.raises(ValueError, match="at most 500"):
        normalized(decomposed + "a", max_length=500)


SHOWN = [
    "a",
    "1",
    "!",
    "\u200bx",
    "\N{THUMBS UP SIGN}",
    "\u00ad-",
    "\u0905",
    "\u1112\u1161\u11ab",
    "\U000105c0",
    "\U0001fae8",
]
BLANK = {
    "zero width space": "\u200b",
    "soft hyphen": "\u00ad",
    "Braille without dots": "\u2800",
    "Hangul filler": "\u115f",
    "Hangul vowel filler": "\u1160",
    "Hangul compatibility filler": "\u3164",
    "half-width Hangul filler": "\uffa0",
    "zero width joiner": "\u200d",
    "word joiner": "\u2060",
    "byte order mark": "\ufeff",
    "right-to-left override": "\u202e",
    "a bare mark": "\u0301",
    "variation selector": "\ufe0f",
    "grapheme joiner": "\u034f",
    "Khmer inherent vowel": "\u17b4",
    "Mongolian vowel separator": "\u180e",
    "tag": "\U000e0041",
    "reserved for the invisible": "\U000e0fff",
    "line separator": "\u2028",
    "no-break space": "\u00a0",
    "ideographic space": "\u3000",
    "several": "\u200b \u00ad\u2800\u115f",
}


@pytest.mark.parametrize("text", SHOWN)
def test_a_text_with_one_visible_character_is_visible(text: str) -> None:
    assert is_visible(text)


@pytest.mark.parametrize("name", BLANK)
@pytest.mark.parametrize("verb", ["POST", "PATCH"])
def test_a_title_of_nothing_but_invisible_characters_is_refused(alice: httpx2.Client, verb: str, name: str) -> None:
    created = alice.post(TODOS, json={"title": "x"})
    path = TODOS if verb == "POST" else created.headers["Location"]
    response = alice.request(verb, path, json={"title": BLANK[name]})
    detail = "must have 1 to 500 characters, at least one of them visible"
    assert (response.status_code, response.json()["errors"]) == (422, [{"pointer": "/title", "detail": detail}])
    assert not is_visible(BLANK[name])
