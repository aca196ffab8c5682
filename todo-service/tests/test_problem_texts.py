"""What is wrong is said in this service's words: no text of pydantic, and no name of a class, reaches a client."""

import json
from typing import Any

import httpx2
import pytest

from todo_fixtures.service import Service
from todo_service.http import field_errors

TODOS = "/api/v1/todos"
MEMBERS: dict[str, tuple[Any, str, str]] = {
    "no title": ({}, "/title", "is required"),
    "an unknown member": ({"title": "x", "colour": 1}, "/colour", "is unknown"),
    "no object": ([], "", "must be an object"),
    "null": (None, "", "must be an object"),
    "a number as text": ({"title": 1}, "/title", "must be a string"),
    "null as text": ({"title": None}, "/title", "must be a string"),
    "an unknown status": ({"title": "x", "status": "later"}, "/status", "must be 'open' or 'done'"),
    "a list as status": ({"title": "x", "status": []}, "/status", "must be 'open' or 'done'"),
    "text as number": ({"title": "x", "priority": "1"}, "/priority", "must be an integer"),
    "a boolean as number": ({"title": "x", "priority": True}, "/priority", "must be an integer"),
    "a fraction": ({"title": "x", "priority": 1.5}, "/priority", "must be an integer"),
    "a huge number": ({"title": "x", "priority": 10**300}, "/priority", "must be at most 3"),
    "4": ({"title": "x", "priority": 4}, "/priority", "must be at most 3"),
    "-1": ({"title": "x", "priority": -1}, "/priority", "must be at least 0"),
    "an impossible date": ({"title": "x", "due": "2027-02-30"}, "/due", "must be a date and time that exists"),
    "a control character": ({"title": "a\0"}, "/title", "must not contain control characters"),
}


@pytest.fixture
def alice(sqlite_service: Service) -> httpx2.Client:
    return sqlite_service.person()


@pytest.mark.parametrize("name", MEMBERS)
@pytest.mark.parametrize("how", ["alone", "in a batch", "in an atomic batch"])
def test_a_wrong_member_is_named_in_our_words(alice: httpx2.Client, how: str, name: str) -> None:
    body, pointer, detail = MEMBERS[name]
    if how == "alone":
        headers = {"Content-Type": "application/json"}  # httpx2 sends no body for json=None
        response = alice.post(TODOS, content=json.dumps(body), headers=headers)
        assert response.json()["errors"] == [{"pointer": pointer, "detail": detail}]
        return
    batch = {"operations": [{"op": "create", "todo": body}], "atomic": how == "in an atomic batch"}
    answer = alice.post(f"{TODOS}:batch", json=batch).json()
    pointer = f"/operations/0/todo{pointer}"
    if batch["atomic"]:
        assert answer["errors"] == [{"pointer": "/operations/0", "detail": f"{pointer} {detail}", "status": 422}]
    else:
        [error] = answer["results"][0]["problem"]["errors"]
        assert (error["pointer"], error["detail"]) == (pointer, detail)


OPERATIONS: dict[str, tuple[Any, str, str]] = {
    "no object": (7, "", "must be an object"),
    "null": (None, "", "must be an object"),
    "no op": ({}, "", "must have the member 'op'"),
    "an unknown op": (
        {"op": "explode"},
        "",
        "must have one of these as the member 'op': 'create', 'update', 'complete', 'reopen', 'delete', 'restore'",
    ),
    "no todo": ({"op": "create"}, "/todo", "is required"),
    "a number as id": ({"op": "delete", "id": 7}, "/id", "must be a string"),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_wrong_operation_is_named_in_our_words(alice: httpx2.Client, name: str) -> None:
    operation, pointer, detail = OPERATIONS[name]
    [result] = alice.post(f"{TODOS}:batch", json={"operations": [operation]}).json()["results"]
    [error] = result["problem"]["errors"]
    assert (error["pointer"], error["detail"]) == (f"/operations/0{pointer}", detail)


BATCHES: dict[str, tuple[Any, str, str]] = {
    "no object": ([], "", "must be an object"),
    "no operations": ({}, "/operations", "is required"),
    "operations that are no list": ({"operations": {}}, "/operations", "must be an array"),
    "none": ({"operations": []}, "/operations", "must have at least 1 elements"),
    "101": ({"operations": [1] * 101}, "/operations", "must have at most 100 elements"),
    "atomic as text": ({"operations": [1], "atomic": "yes"}, "/atomic", "must be true or false"),
}


@pytest.mark.parametrize("name", BATCHES)
def test_a_wrong_batch_is_named_in_our_words(alice: httpx2.Client, name: str) -> None:
    body, pointer, detail = BATCHES[name]
    errors = alice.post(f"{TODOS}:batch", json=body).json()["errors"]
    assert errors == [{"pointer": pointer, "detail": detail}]


PARAMETERS = {
    ("limit", "x"): "must be an integer",
    ("limit", "1.5"): "must be an integer",
    ("limit", "9" * 5000): "must be an integer",
    ("limit", "0"): "must be at least 1",
    ("limit", "201"): "must be at most 200",
    ("priority", "4"): "must be at most 3",
    ("status", "later"): "must be 'open' or 'done'",
    ("deleted", "yes"): "must be 'only'",
    ("due_before", "soon"): "must be a date, or a date and time with time zone, as in RFC 9557",
    ("q", ""): "must have at least 1 characters",
    ("q", "x" * 201): "must have at most 200 characters",
    ("q", "a\tb"): "must not contain control characters",
    ("cursor", "x" * 401): "must have at most 400 characters",
    ("colour", "red"): "is unknown",
}


@pytest.mark.parametrize(("name", "value"), PARAMETERS)
def test_a_wrong_parameter_is_named_in_our_words(alice: httpx2.Client, name: str, value: str) -> None:
    response = alice.get(TODOS, params={name: value})
    assert response.json()["errors"] == [{"parameter": name, "detail": PARAMETERS[name, value]}]


@pytest.mark.parametrize(("name", "value"), [("limit", "x"), ("limit", "501"), ("since", "x" * 3001)])
def test_a_wrong_parameter_of_changes_is_named_in_our_words(alice: httpx2.Client, name: str, value: str) -> None:
    [error] = alice.get("/api/v1/changes", params={name: value}).json()["errors"]
    assert error["detail"].startswith("must ")


def test_a_kind_of_error_that_nobody_thought_of_has_no_words_of_pydantic() -> None:
    error = {"type": "decimal_type", "loc": ("price",), "msg": "Input should be a Money", "ctx": {}}
    assert field_errors.explain(error) == "is not as the API's description says"
