"""Account events from auth-service to todo-service, with the real keys, reports and deliveries."""

import json
import sqlite3
from contextlib import closing

import httpx2
import pytest

from e2e_fixtures.people import PASSWORD, Person, sign_up
from e2e_fixtures.stack import Stack
from e2e_fixtures.waiting import wait_until

TODOS = "/api/v1/todos"


def stored_todos(stack: Stack, person: Person) -> int:
    """Count the person's todos in the database, because a deleted account can no longer ask the API."""
    path = stack.checkout.folder / ".run/todo.db"
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        count: int = database.execute("SELECT count(*) FROM todos WHERE owner = ?", (person.id,)).fetchone()[0]
    return count


def test_a_deleted_accounts_todos_are_erased_and_nobody_elses(stack: Stack, person: Person) -> None:
    other = sign_up(stack)
    for each in (person, other):
        assert each.api().post(TODOS, json={"title": "Mine"}).status_code == 201
    assert person.browser.post("/api/auth/delete-user", json={"password": PASSWORD}).status_code == 200
    wait_until(lambda: stored_todos(stack, person) == 0, 120)
    assert stored_todos(stack, other) == 1


@pytest.mark.parametrize("path", ["/internal/events", "/internal/verifiers"])
def test_what_is_for_the_inside_is_not_there_outside(stack: Stack, path: str) -> None:
    assert stack.client().post(path, content="x").status_code == 404


def test_a_forged_event_does_nothing(stack: Stack, person: Person) -> None:
    """An access token has the same signing key and the same audience, but is not an event."""
    assert person.api().post(TODOS, json={"title": "Mine"}).status_code == 201
    headers = {"Content-Type": "application/secevent+jwt"}
    for body in (person.token(), "x"):
        refused = httpx2.post(f"{stack.own_url('todo')}/internal/events", content=body, headers=headers)
        assert (refused.status_code, refused.json()["err"]) == (400, "invalid_request")
    assert stored_todos(stack, person) == 1


def test_the_todo_service_reports_the_keys_that_are_published(stack: Stack) -> None:
    def reported() -> list[set[str]]:
        lines = stack.checkout.run("auth", "keys", "verifiers", "--json").stdout.splitlines()
        return [set(json.loads(line)["kids"].split()) for line in lines]

    published = {key["kid"] for key in stack.client().get("/.well-known/jwks.json").json()["keys"]}
    wait_until(lambda: published in reported(), 60)
