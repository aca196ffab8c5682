"""One request id leads from the gateway's log to the slow statement in the service's log."""

import json
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import partial
from threading import Event
from typing import Any

import httpx2
import pytest

from e2e_fixtures.people import Person, browser, credentials
from e2e_fixtures.stack import Stack
from e2e_fixtures.waiting import wait_until

Send = Callable[[Stack, Person, dict[str, str]], httpx2.Response]


@contextmanager
def locked(stack: Stack, service: str) -> Iterator[None]:
    """Hold the write lock of the service's database, so that its writers wait."""
    path = stack.checkout.folder / f".run/{service}.db"
    with closing(sqlite3.connect(path, isolation_level=None, timeout=60)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def sign_up(stack: Stack, person: Person, headers: dict[str, str]) -> httpx2.Response:
    body = {"name": "Ann", **credentials()}
    return browser(stack).post("/api/auth/sign-up/email", json=body, headers=headers)


def create_todo(stack: Stack, person: Person, headers: dict[str, str]) -> httpx2.Response:
    return person.api().post("/api/v1/todos", json={"title": "planted title"}, headers=headers)


def entries(stack: Stack, name: str, request_id: str) -> list[dict[str, Any]]:
    lines = [line for line in stack.log(name).splitlines() if request_id in line]
    return [json.loads(line) for line in lines]


def is_over(stack: Stack, process: str, request_id: str) -> bool:
    """Whether service and gateway have both logged the end of the request, which may be after the response."""
    told = {each["event"] for each in entries(stack, process, request_id)}
    return "request" in told and entries(stack, "gateway", request_id) != []


def is_held_up(entry: dict[str, Any]) -> bool:
    """Whether the slow statement is a writer's BEGIN; on a busy machine other statements may be slow as well."""
    return entry["event"] == "slow_statement" and str(entry["db.query.text"]).startswith("BEGIN")


@pytest.mark.parametrize(("service", "send"), [("auth", sign_up), ("todo", create_todo)])
def test_one_id_leads_from_the_gateway_to_the_statement(stack: Stack, person: Person, service: str, send: Send) -> None:
    process, seconds = f"{service}-service", 1.0
    found: list[dict[str, Any]] = []
    while not found:  # if the machine is so busy that the request came after the lock, hold the lock longer
        request_id = f"e2e-{secrets.token_hex(8)}"
        with ThreadPoolExecutor(1) as pool:
            with locked(stack, service):
                answer = pool.submit(send, stack, person, {"X-Request-ID": request_id})
                Event().wait(seconds)
            response = answer.result()
        assert (response.is_success, response.headers["X-Request-ID"]) == (True, request_id)
        wait_until(partial(is_over, stack, process, request_id))
        found = [each for each in entries(stack, process, request_id) if is_held_up(each)]
        assert found or seconds < 4, "no slow statement was logged"
        seconds *= 2
    assert found[0]["duration_ms"] >= 500
    assert {each["request_id"] for each in entries(stack, "gateway", request_id)} == {request_id}
