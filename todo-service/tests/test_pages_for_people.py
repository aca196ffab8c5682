"""A person who opens an address gets errors as a page with a way on; a program gets a problem document."""

import hashlib
import re
from base64 import b64encode

import pytest

from todo_fixtures.service import Service
from todo_service.http import pages

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
    [("/nothing", 404), ("/assets/none.js", 404), ("/api/v1/todos", 401), ("/api/v1/todos/x/complete", 405)],
)
def test_person_gets_a_page_with_a_way_on(
    sqlite_service: Service, path: str, status: int, sent: dict[str, str]
) -> None:
    answer = sqlite_service.client().get(path, headers=sent)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
    assert "no-store" in answer.headers["Cache-Control"]
    assert '<a class="button" id="start" href="/">' in answer.text
    assert answer.headers["X-Request-ID"] in answer.text
    assert ("WWW-Authenticate" in answer.headers) == (status == 401)
    assert ("Allow" in answer.headers) == (status == 405)
    style = re.search("<style>(.*?)</style>", answer.text, re.DOTALL)
    assert style is not None
    digest = b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in answer.headers["Content-Security-Policy"]


@pytest.mark.parametrize("sent", PROGRAMS)
def test_program_gets_a_problem(sqlite_service: Service, sent: dict[str, str]) -> None:
    answer = sqlite_service.client().get("/nothing", headers={"Accept": "*/*"} | sent)
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    ("status", "can_be_tried"), [(400, False), (404, False), (429, True), (500, True), (503, True)]
)
def test_page_says_whether_to_try_again(status: int, can_be_tried: bool) -> None:
    page = pages.describe(status, "request-1")
    assert ('id="again"' in page) == can_be_tried
    assert f"Error {status}," in page
    assert "$" not in page
