"""The API refuses every forged token, and no forged token makes the service fail."""

import json
from collections.abc import Iterator

import pytest

from e2e_fixtures.forgeries import FORGERIES
from e2e_fixtures.people import bearer
from e2e_fixtures.todo_process import TodoProcess

TODOS = "/api/v1/todos"


@pytest.fixture(scope="module", autouse=True)
def service_stays_well(todo_process: TodoProcess) -> Iterator[None]:
    """After all tests the service is ready, has logged no error, and has fetched no key from another address."""
    yield
    assert todo_process.client().get("/readyz").status_code == 200
    records = [json.loads(line) for line in todo_process.log.read_text(encoding="utf-8").splitlines()]
    assert [record for record in records if record["level"] not in ("info", "warning")] == []
    # Besides the keys, the service asks only for status lists, which this issuer does not have.
    assert set(todo_process.issuer.strangers_requests) <= {"/oauth/status-lists"}


def test_what_all_forgeries_start_from_is_good(todo_process: TodoProcess) -> None:
    """The unchanged token is accepted; otherwise all forgeries might be refused for one common reason."""
    token = todo_process.issuer.token(sub="alice")
    assert todo_process.client(token).get(TODOS).status_code == 200


@pytest.mark.parametrize("name", FORGERIES)
def test_forged_token_is_refused(todo_process: TodoProcess, name: str) -> None:
    """RFC 6750 §3.1: 401 invalid_token, or 400 if it is not a token at all. The answer repeats no part of it (R6)."""
    token = FORGERIES[name](todo_process.issuer)
    response = todo_process.client(token).get(TODOS)
    assert response.status_code == 401 or (response.status_code == 400 and name.startswith("R15"))
    challenge = response.headers["WWW-Authenticate"]
    expected = {400: 'error="invalid_request"', 401: 'error="invalid_token"'}[response.status_code]
    assert challenge.startswith("Bearer ")
    assert expected in challenge
    assert challenge.count("error=") == 1
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.json()["status"] == response.status_code
    assert "X-Injected" not in response.headers


@pytest.mark.parametrize(
    "credentials",
    [["Bearer"], ["Bearer {0} {0}"], ["Bearer {0}, Bearer {0}"], ["Bearer {0}", "Bearer {0}"]],
    ids=["none", "two", "a list", "two headers"],
)
def test_credentials_that_are_not_one_token_are_malformed(todo_process: TodoProcess, credentials: list[str]) -> None:
    """RFC 6750 §3.1: invalid_request, although each token by itself is valid."""
    token = todo_process.issuer.token()
    headers = [("Authorization", each.format(token)) for each in credentials]
    response = todo_process.client().get(TODOS, headers=headers)
    assert response.status_code == 400
    assert 'error="invalid_request"' in response.headers["WWW-Authenticate"]


def test_token_belongs_in_the_header_alone(todo_process: TodoProcess) -> None:
    """A token in the query or the body is not accepted: RFC 9700 §4.3.2 (R7)."""
    token = todo_process.issuer.token()
    assert todo_process.client().get(TODOS, params={"access_token": token}).status_code in (400, 401)
    twice = todo_process.client().get(TODOS, params={"access_token": token}, headers=bearer(token))
    assert twice.status_code == 400
    form = todo_process.client().post(TODOS, data={"access_token": token, "title": "x"})
    assert form.status_code in (400, 401)
    assert token not in todo_process.log.read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["Basic", "Digest", "Token", "bearer2"])
def test_another_scheme_is_no_credential(todo_process: TodoProcess, scheme: str) -> None:
    response = todo_process.client().get(TODOS, headers={"Authorization": f"{scheme} {todo_process.issuer.token()}"})
    assert response.status_code == 401
    assert "error=" not in response.headers["WWW-Authenticate"]
