"""Conditional requests: If-Match, If-None-Match and strict handling (RFC 9110 §13, RFC 6585 §3, RFC 7240 §4.4)."""

from typing import Any

import httpx2
import pytest

from todo_fixtures.service import Service

TODOS = "/api/v1/todos"
STRICT = {"Prefer": "handling=strict"}


@pytest.fixture
def alice(shared_service: Service) -> httpx2.Client:
    return shared_service.person()


def change(client: httpx2.Client, verb: str, path: str, headers: dict[str, str]) -> httpx2.Response:
    match verb:
        case "patch":
            return client.patch(path, json={"title": "Changed"}, headers=headers)
        case "delete":
            return client.delete(path, headers=headers)
    return client.post(f"{path}/{verb}", headers=headers)


VERBS = ["patch", "delete", "complete", "reopen", "restore"]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    "prefer", ["handling=strict", 'respond-async, Handling="strict"', "wait=1, handling = strict; x=1"]
)
def test_a_strict_client_is_told_when_it_forgets_the_version(alice: httpx2.Client, verb: str, prefer: str) -> None:
    made = alice.post(TODOS, json={"title": "x"})
    response = change(alice, verb, made.headers["Location"], {"Prefer": prefer})
    assert (response.status_code, response.json()["type"]) == (428, "urn:problem-type:todo:precondition-required")
    assert alice.get(made.headers["Location"]).json() == made.json()


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("condition", ["", ",", '""', "1", '"01"', 'W/"1"', '"1', '*, "1" "2"', "x"])
def test_a_condition_that_cannot_be_read_is_not_met(alice: httpx2.Client, verb: str, condition: str) -> None:
    """RFC 9110 §13.1.1. A client that sends an empty If-Match has a condition, although it has lost the version."""
    made = alice.post(TODOS, json={"title": "x"})
    response = change(alice, verb, made.headers["Location"], {"If-Match": condition})
    assert (response.status_code, response.json()["type"]) == (412, "urn:problem-type:todo:precondition-failed")
    assert alice.get(made.headers["Location"]).json() == made.json()


@pytest.mark.parametrize("condition", ["", ",", "1"])
def test_a_condition_of_a_batch_that_cannot_be_read_is_not_met(alice: httpx2.Client, condition: str) -> None:
    made = alice.post(TODOS, json={"title": "x"})
    operation = {"op": "complete", "id": made.json()["id"], "if_match": condition}
    [result] = alice.post(f"{TODOS}:batch", json={"operations": [operation]}).json()["results"]
    assert result["status"] == 412


@pytest.mark.parametrize("key", ["", '""'])
def test_an_empty_idempotency_key_is_no_key(alice: httpx2.Client, key: str) -> None:
    response = alice.post(TODOS, json={"title": "x"}, headers={"Idempotency-Key": key})
    assert (response.status_code, response.json()["type"]) == (400, "urn:problem-type:todo:invalid-idempotency-key")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("headers", [{}, {"Prefer": "handling=lenient"}, {**STRICT, "If-Match": '"1"'}])
def test_others_are_not(alice: httpx2.Client, verb: str, headers: dict[str, str]) -> None:
    path = alice.post(TODOS, json={"title": "x"}).headers["Location"]
    assert change(alice, verb, path, headers).is_success


def test_restoring_is_conditional_too(alice: httpx2.Client) -> None:
    path = alice.post(TODOS, json={"title": "x"}).headers["Location"]
    alice.delete(path)
    refused = alice.post(f"{path}/restore", headers={"If-Match": '"1"'})
    assert (refused.status_code, refused.headers["ETag"]) == (412, '"2"')
    assert alice.post(f"{path}/restore", headers={"If-Match": '"2"'}).json()["version"] == 3


@pytest.mark.parametrize(
    ("if_none_match", "status"),
    [('"1"', 304), ('W/"1"', 304), ('"7", "1"', 304), ("*", 304), ('"2"', 200), ("1", 200), ("", 200), ('"1', 200)],
)
def test_a_todo_that_the_client_has_is_not_sent(alice: httpx2.Client, if_none_match: str, status: int) -> None:
    path = alice.post(TODOS, json={"title": "x"}).headers["Location"]
    response = alice.get(path, headers={"If-None-Match": if_none_match})
    assert (response.status_code, response.headers["ETag"]) == (status, '"1"')
    assert bool(response.content) is (status == 200)


def test_a_list_that_the_client_has_is_not_sent(alice: httpx2.Client) -> None:
    made = [alice.post(TODOS, json={"title": "x"}) for _ in range(3)]
    parameters: dict[str, Any] = {"limit": 2}
    first = alice.get(TODOS, params=parameters)
    known = {"If-None-Match": first.headers["ETag"]}
    same = alice.get(TODOS, params=parameters, headers=known)
    assert (same.status_code, same.content, same.headers["Link"]) == (304, b"", first.headers["Link"])
    assert alice.get(TODOS, headers=known).status_code == 200
    alice.patch(made[0].headers["Location"], json={"title": "not in this part"})
    alice.patch(made[2].headers["Location"], json={"title": "in this part"})
    changed = alice.get(TODOS, params=parameters, headers=known)
    assert (changed.status_code, changed.json()["items"][0]["title"]) == (200, "in this part")
