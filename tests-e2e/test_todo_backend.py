"""Todo-Backend's public specification (todobackend.com), in our own words, through an adapter that adds the token.

Its part about CORS is in test_cross_origin.py.
"""

from typing import Any

import httpx2
import pytest

from e2e_fixtures.people import Person, sign_up
from e2e_fixtures.stack import Stack
from e2e_fixtures.todo_backend import adapted

Todo = dict[str, Any]

CREATED: dict[str, tuple[Todo, Todo]] = {
    "with a title, and not completed": ({"title": "Walk the dog"}, {"title": "Walk the dog", "completed": False}),
    "with an order": ({"title": "Walk the dog", "order": 523}, {"order": 523}),
}
CHANGED: dict[str, tuple[Todo, Todo]] = {
    "title": ({}, {"title": "Bathe the cat"}),
    "completed": ({}, {"completed": True}),
    "no longer completed": ({"completed": True}, {"completed": False}),
    "both": ({}, {"title": "Bathe the cat", "completed": True}),
    "order": ({"order": 10}, {"order": 95}),
}


@pytest.fixture(scope="module")
def somebody(stack: Stack) -> Person:
    return sign_up(stack)


@pytest.fixture
def backend(stack: Stack, somebody: Person) -> httpx2.Client:
    """Without todos: "the root answers a DELETE, and a GET after it has an empty array"."""
    client = adapted(stack, somebody.token())
    assert client.delete("/").is_success
    assert client.get("/").json() == []
    return client


def make(backend: httpx2.Client, **more: Any) -> Todo:
    response = backend.post("/", json={"title": "Something", **more})
    assert response.is_success, response.text
    made: Todo = response.json()
    return made


def assert_everywhere(backend: httpx2.Client, answered: Todo, expected: Todo) -> None:
    """The answer, the todo's own url and the root say the same."""
    for todo in (answered, backend.get(answered["url"]).json(), *backend.get("/").json()):
        assert todo == answered
        assert expected.items() <= todo.items()


@pytest.mark.parametrize(("asked", "expected"), CREATED.values(), ids=CREATED)
def test_todo_is_created_at_the_root_and_has_a_url(backend: httpx2.Client, asked: Todo, expected: Todo) -> None:
    made = make(backend, **asked)
    assert_everywhere(backend, made, expected)
    assert len(backend.get("/").json()) == 1


@pytest.mark.parametrize(("made", "change"), CHANGED.values(), ids=CHANGED)
def test_todo_is_changed_by_a_patch_of_its_url(backend: httpx2.Client, made: Todo, change: Todo) -> None:
    response = backend.patch(make(backend, **made)["url"], json=change)
    assert_everywhere(backend, response.json(), change)


def test_todos_are_found_from_the_root_and_deleted_by_their_urls(backend: httpx2.Client) -> None:
    for order in (2, 1):
        make(backend, title=f"Number {order}", order=order)
    first, second = backend.get("/").json()
    assert [first["title"], backend.get(second["url"]).json()["title"]] == ["Number 1", "Number 2"]
    assert backend.delete(first["url"]).is_success
    assert backend.get("/").json() == [second]
    assert backend.get(first["url"]).status_code == 404


def test_nothing_of_it_works_without_a_token(stack: Stack, backend: httpx2.Client) -> None:
    url = make(backend)["url"]
    stranger = adapted(stack, None)
    asked = {"title": "Anybody's"}
    answers = [stranger.get("/"), stranger.post("/", json=asked), stranger.delete("/")]
    answers += [stranger.get(url), stranger.patch(url, json=asked), stranger.delete(url)]
    assert [answer.status_code for answer in answers] == [401] * 6
    assert [todo["title"] for todo in backend.get("/").json()] == ["Something"]
