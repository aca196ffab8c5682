"""HEAD is answered wherever GET is (RFC 9110 §9.1, §9.3.2), and 405 names every method of a path (§15.5.6)."""

import re

import httpx2
import pytest
from starlette.routing import Route

from auth_service.serving.routes import ROUTES

from .code_flow import sign_up
from .conftest import Service
from .waiting import wait_until

STREAM = "/internal/status-list-hints"
_PLAIN = [route for route in ROUTES if isinstance(route, Route)]
METHODS = {
    path: {method for route in _PLAIN if route.path == path for method in route.methods or ()}
    for path in {route.path for route in _PLAIN}
}
READ = sorted(path for path, methods in METHODS.items() if "GET" in methods)
PERSONAL = {"date", "x-request-id", "set-cookie", "set-auth-token", "content-length", "content-security-policy"}


def filled(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "1", path)


def lasting(answer: httpx2.Response) -> dict[str, str]:
    """The header fields, except those that differ between two GETs. Content-Length differs with a page's tokens."""
    return {name: value for name, value in answer.headers.items() if name not in PERSONAL}


@pytest.mark.parametrize("path", [path for path in [*READ, "/openapi.json"] if path != STREAM])
def test_head_is_answered_as_get_is_without_content(sqlite_service: Service, path: str) -> None:
    person = sign_up(sqlite_service).browser
    url = f"{sqlite_service.url}{filled(path)}"
    read, head = (person.request(method, url, follow_redirects=False) for method in ("GET", "HEAD"))
    assert (head.status_code, head.content) == (read.status_code, b"")
    assert lasting(head) == lasting(read)
    assert ("content-length" in head.headers) == ("content-length" in read.headers)
    assert person.get(f"{sqlite_service.url}/livez").status_code == 200, "the connection was of use afterwards"


def test_head_of_an_endless_stream_ends(sqlite_service: Service) -> None:
    answer = httpx2.head(f"{sqlite_service.url}{STREAM}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    wait_until(lambda: not sqlite_service.status_lists._listeners)


def test_head_is_no_way_around_a_method(sqlite_service: Service) -> None:
    for path, methods in METHODS.items():
        if "GET" not in methods and not path.startswith("/api/auth"):
            assert httpx2.head(f"{sqlite_service.url}{filled(path)}").status_code == 405


@pytest.mark.parametrize("path", [path for path in sorted(METHODS) if not path.startswith("/api/auth")])
def test_wrong_method_is_told_all_that_are_allowed(sqlite_service: Service, path: str) -> None:
    """Below /api/auth it is 404, as in the Better Auth protocol."""
    answer = httpx2.patch(f"{sqlite_service.url}{filled(path)}")
    assert answer.status_code == 405
    expected = METHODS[path] | ({"HEAD"} if "GET" in METHODS[path] else set())
    assert answer.headers["Allow"] == ", ".join(sorted(expected))
