"""A person who opens an address gets errors as a page with a way on; a program gets JSON."""

import httpx2
import pytest

from .conftest import Service, Start

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8"
PEOPLE = [  # as in gateway/tests/test_pages.py
    {"Sec-Fetch-Mode": "navigate", "Accept": BROWSER},
    {"Sec-Fetch-Mode": "navigate", "Accept": "*/*"},
    {"Accept": BROWSER},
    {"Accept": "text/html"},
    {"Accept": "TEXT/HTML, */*;q=0.1"},
    {"Accept": "text/html;q=0.9, */*;q=0.1"},
    {"Accept": "text/html, application/json;q=0.5"},
]
PROGRAMS = [
    {},
    {"Accept": ""},
    {"Accept": "application/json"},
    {"Accept": "application/json, text/plain, */*"},
    {"Accept": "application/problem+json, text/html;q=0.5"},
    {"Accept": "application/json, text/html"},
    {"Accept": "text/html;q=0, */*"},
    {"Accept": "text/html;q=0.5, */*"},
    {"Accept": "text/html;q=x.y.z"},
    {"Accept": "text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2"},  # Java's HttpURLConnection
    {"Accept": BROWSER, "Sec-Fetch-Mode": "cors"},
    {"Accept": BROWSER, "Sec-Fetch-Mode": "same-origin"},
]


@pytest.mark.parametrize("sent", PEOPLE)
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/nothing", 404),
        ("/api/auth/nothing", 404),
        ("/api/auth/sign-out", 404),
        ("/oauth/status-lists/99999999", 404),
        ("/oauth/token", 405),
    ],
)
def test_person_gets_a_page_with_a_way_on(
    sqlite_service: Service, path: str, status: int, sent: dict[str, str]
) -> None:
    answer = httpx2.get(f"{sqlite_service.url}{path}", headers=sent)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
    assert 'id="error-title"' in answer.text
    assert '<a class="button" id="start" href="/"' in answer.text
    assert ("Allow" in answer.headers) == (status == 405)


@pytest.mark.parametrize("sent", PROGRAMS)
def test_program_gets_json(sqlite_service: Service, sent: dict[str, str]) -> None:
    with httpx2.Client(headers={"Accept": "*/*"}) as client:
        answer = client.get(f"{sqlite_service.url}/nothing", headers=sent)
        assert (answer.status_code, answer.json()["code"]) == (404, "NOT_FOUND")
        better_auth = client.get(f"{sqlite_service.url}/api/auth/nothing", headers=sent)
        assert (better_auth.status_code, better_auth.content) == (404, b"")


def test_failure_of_the_store_is_a_page_that_can_be_tried_again(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url)
    person = service.signed_up()
    service.execute("ALTER TABLE browser_sessions RENAME TO away")
    answer = person.get("/get-session", headers={"Sec-Fetch-Mode": "navigate"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (503, "text/html; charset=utf-8")
    assert '<a class="button" id="again" href=""' in answer.text
    assert answer.headers["Retry-After"] == "1"
