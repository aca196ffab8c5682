"""/api/v1/todos:batch: many operations, each with the status that it would have got as a request."""

from typing import Any

import httpx2
import pytest

from todo_fixtures.service import Service

TODOS = "/api/v1/todos"
BATCH = f"{TODOS}:batch"
ABSENT = "01900000-0000-7000-8000-000000000000"


@pytest.fixture
def alice(shared_service: Service) -> httpx2.Client:
    return shared_service.person()


def create(client: httpx2.Client, title: str) -> str:
    id_: str = client.post(TODOS, json={"title": title}).json()["id"]
    return id_


def mixed(ids: list[str]) -> list[Any]:
    """Nine operations. Five of them are refused, each for another reason."""
    return [
        {"op": "create", "todo": {"title": "new", "due": "2027-01-31"}},
        {"op": "create", "todo": {"title": ""}},
        {"op": "update", "id": ids[0], "todo": {"priority": 3}, "if_match": '"1"'},
        {"op": "update", "id": ids[0], "todo": {"priority": 1}, "if_match": '"1"'},
        {"op": "complete", "id": ids[1]},
        {"op": "delete", "id": ids[2]},
        {"op": "complete", "id": ids[2]},
        {"op": "reopen", "id": ABSENT},
        "nonsense",
    ]


STATUSES = [201, 422, 200, 412, 200, 204, 404, 404, 422]


def test_each_operation_has_its_own_status(alice: httpx2.Client) -> None:
    ids = [create(alice, str(number)) for number in range(3)]
    response = alice.post(BATCH, json={"operations": mixed(ids)})
    results = response.json()["results"]
    assert [result["status"] for result in results] == STATUSES
    for number, result in enumerate(results):
        assert (result["problem"] is not None) is (result["status"] >= 400)
        if result["problem"]:
            assert result["problem"]["status"] == result["status"]
            assert result["problem"]["instance"] == f"/operations/{number}"
    assert results[1]["problem"]["errors"][0]["pointer"].endswith("/title")
    listed = {todo["id"]: todo for todo in alice.get(TODOS).json()["items"]}
    assert listed.keys() == {ids[0], ids[1], results[0]["todo"]["id"]}
    assert [result["todo"] for result in results if result["todo"]] == [
        listed[results[0]["todo"]["id"]], listed[ids[0]], listed[ids[1]]
    ]  # fmt: skip


def test_an_atomic_batch_is_done_or_not(alice: httpx2.Client) -> None:
    ids = [create(alice, str(number)) for number in range(3)]
    before = alice.get(TODOS).json()
    response = alice.post(BATCH, json={"atomic": True, "operations": mixed(ids)})
    problem = response.json()
    assert (response.status_code, problem["type"]) == (409, "urn:problem-type:todo:batch-not-applied")
    assert {error["pointer"]: error["status"] for error in problem["errors"]} == {
        f"/operations/{number}": status for number, status in enumerate(STATUSES) if status >= 400
    }
    assert alice.get(TODOS).json() == before
    good = [operation for operation, status in zip(mixed(ids), STATUSES, strict=True) if status < 400]
    done = alice.post(BATCH, json={"atomic": True, "operations": good})
    assert [result["status"] for result in done.json()["results"]] == [201, 200, 200, 204]


def test_operations_see_what_those_before_them_did(alice: httpx2.Client) -> None:
    id_ = create(alice, "x")
    operations = [{"op": op, "id": id_} for op in ("complete", "complete", "reopen", "delete", "restore", "delete")]
    results = alice.post(BATCH, json={"operations": operations}).json()["results"]
    assert [result["status"] for result in results] == [200, 200, 200, 204, 200, 204]
    assert [result["todo"]["version"] for result in results if result["todo"]] == [2, 2, 3, 5]


def test_a_batch_keeps_its_order(alice: httpx2.Client) -> None:
    operations = [{"op": "create", "todo": {"title": f"{number}"}} for number in range(100)]
    assert alice.post(BATCH, json={"operations": operations}).status_code == 200
    for sort in ("created", "position"):
        listed = alice.get(TODOS, params={"limit": 200, "sort": sort}).json()["items"]
        assert [todo["title"] for todo in listed] == [f"{number}" for number in range(100)]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"operations": []}, "/operations"),
        ({"operations": [{"op": "create", "todo": {"title": "x"}}] * 101}, "/operations"),
        ({"operations": {}}, "/operations"),
        ({}, "/operations"),
        ({"operations": [1], "atomic": "yes"}, "/atomic"),
        ({"operations": [1], "more": 1}, "/more"),
        ([], ""),
    ],
)
def test_a_batch_that_is_none_is_refused_whole(alice: httpx2.Client, body: Any, pointer: str) -> None:
    response = alice.post(BATCH, json=body)
    assert (response.status_code, response.json()["type"]) == (422, "urn:problem-type:todo:invalid-fields")
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


@pytest.mark.parametrize(
    "operation",
    [
        {}, None, [], 7, {"op": "explode", "id": ABSENT}, {"op": ["create"]}, {"op": "create"},
        {"op": "create", "todo": {"title": "a\0b"}}, {"op": "create", "todo": {"title": "x", "owner": "bob"}},
        {"op": "update", "id": ABSENT}, {"op": "update", "id": 7, "todo": {}}, {"op": "delete", "id": None},
        {"op": "delete", "id": ABSENT, "if_match": 1}, {"op": "create", "todo": {"title": "x", "due": "2027-02-30"}},
    ],
)  # fmt: skip
def test_a_malformed_operation_is_a_422_of_its_own(alice: httpx2.Client, operation: Any) -> None:
    operations = [operation, {"op": "create", "todo": {"title": "good"}}]
    results = alice.post(BATCH, json={"operations": operations}).json()["results"]
    assert [result["status"] for result in results] == [422, 201]


def test_strictness_holds_for_each_operation(alice: httpx2.Client) -> None:
    id_ = create(alice, "x")
    operations = [{"op": "complete", "id": id_}, {"op": "complete", "id": id_, "if_match": '"1"'}]
    response = alice.post(BATCH, json={"operations": operations}, headers={"Prefer": "handling=strict"})
    assert [result["status"] for result in response.json()["results"]] == [428, 200]
