"""CORS for the API (rule R26 of VERIFIER.md): for configured origins, without cookies, for errors as well."""

from collections.abc import Iterator
from typing import Any

import pytest

from todo_fixtures.service import Service

TODOS = "/api/v1/todos"
BOARD = "https://board.example.com"
STRANGERS = ["https://evil.example.com", "http://board.example.com", "https://board.example.com:8443", "null", ""]
EXPOSED = {
    "www-authenticate",
    "etag",
    "link",
    "location",
    "retry-after",
    "ratelimit",
    "ratelimit-policy",
    "x-request-id",
}


@pytest.fixture
def service(run_service: Any) -> Iterator[Service]:
    with run_service(cors_origins=(BOARD,)) as running:
        running.wait_until_ready()
        yield running


def test_an_allowed_page_reads_answers_and_refusals(service: Service) -> None:
    person, nobody = service.person(), service.client()
    headers = {"Origin": BOARD}
    answers = [
        person.get(TODOS, headers=headers),
        person.post(TODOS, json={"title": "x"}, headers=headers),
        person.get(f"{TODOS}/unknown", headers=headers),
        nobody.get(TODOS, headers=headers),
        person.put(TODOS, headers=headers),
    ]
    assert [answer.status_code for answer in answers] == [200, 201, 404, 401, 405]
    for answer in answers:
        assert answer.headers.get_list("Access-Control-Allow-Origin") == [BOARD]
        assert "Access-Control-Allow-Credentials" not in answer.headers
        exposed = answer.headers["Access-Control-Expose-Headers"].lower().split(", ")
        assert set(exposed) >= EXPOSED
        assert "origin" in answer.headers["Vary"].lower()


def test_a_preflight_asks_for_no_token_and_names_what_the_api_takes(service: Service) -> None:
    asked = {"Origin": BOARD, "Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "if-match"}
    response = service.client().options(f"{TODOS}/some-id", headers=asked)
    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == BOARD
    assert {"GET", "POST", "PATCH", "DELETE"} == set(response.headers["Access-Control-Allow-Methods"].split(", "))
    allowed = set(response.headers["Access-Control-Allow-Headers"].split(", "))
    assert {"authorization", "dpop", "content-type", "if-match", "if-none-match", "idempotency-key"} <= allowed


@pytest.mark.parametrize("origin", STRANGERS)
def test_a_strangers_page_is_told_nothing(service: Service, origin: str) -> None:
    asked = {"Origin": origin, "Access-Control-Request-Method": "GET"}
    for response in (service.client().options(TODOS, headers=asked), service.person().get(TODOS, headers=asked)):
        assert not [name for name in response.headers if name.startswith("access-control-")]
        assert "origin" in response.headers["Vary"].lower()


def test_without_the_setting_nobody_is_allowed(run_service: Any) -> None:
    with run_service() as service:
        service.wait_until_ready()
        response = service.person().get(TODOS, headers={"Origin": BOARD})
        assert "Access-Control-Allow-Origin" not in response.headers
