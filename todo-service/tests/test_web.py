"""The served web application, and its TypeScript types of the API."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx2
import pytest

from todo_fixtures import typescript
from todo_fixtures.service import Service
from todo_service.settings.settings import load_settings
from todo_service.web_application import routes as web

SOURCES = Path(__file__).parents[1] / "web"
SCRIPT = "/assets/index-abc.js"
BUILD = {
    "index.html": b"<!doctype html>",
    "favicon.svg": b"<svg/>",
    "service-worker.js": b"worker",
    "assets/index-abc.js": b"plain",
    "assets/index-abc.js.gz": b"by gzip",
    "assets/index-abc.js.br": b"by brotli",
    "assets/index-abc.css": b"p{}",
}


@pytest.fixture
def client(sqlite_service: Service, tmp_path: Path) -> Iterator[httpx2.Client]:
    """A client of a service with a built web application."""
    for name, content in BUILD.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    before = sqlite_service.app.state.parts
    sqlite_service.app.state.parts = replace(before, web_files=web.read_files(tmp_path))
    yield sqlite_service.client()
    sqlite_service.app.state.parts = before


def test_types_are_those_of_the_openapi_document() -> None:
    """To update them: cd todo-service && python -m todo_fixtures.typescript > web/src/lib/todo-api.ts"""
    assert (SOURCES / "src/lib/todo-api.ts").read_text() == typescript.render(typescript.document())


def test_pages_are_those_of_the_application() -> None:
    listed = re.search(r"PAGES = \[(.*)\]", (SOURCES / "src/lib/return-to.ts").read_text())
    assert listed is not None
    assert tuple(re.findall(r'"(.*?)"', listed[1])) == web.PAGES


@pytest.mark.parametrize("path", [*web.PAGES, "/sign-in?returnTo=%2Fsettings"])
def test_every_page_is_the_same_document_and_asked_for_every_time(client: httpx2.Client, path: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.content) == (200, BUILD["index.html"])
    assert response.headers["Content-Type"].startswith("text/html")
    assert response.headers["Cache-Control"] == "no-cache"
    again = client.get(path, headers={"If-None-Match": response.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_page_lets_nothing_in_but_its_own_files(client: httpx2.Client) -> None:
    """CSP 3, Trusted Types: no inline script or style, no eval, no frame, no opener; one policy, for the worker."""
    headers = client.get("/").headers
    policy = dict(part.strip().partition(" ")[::2] for part in headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["object-src"] == "'none'"
    assert (policy["require-trusted-types-for"], policy["trusted-types"]) == ("'script'", "service-worker")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["Cross-Origin-Opener-Policy"] == headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_service_worker_may_ask_this_origin_only_and_is_asked_for_every_time(client: httpx2.Client) -> None:
    """Its scope is all pages, so it is at the root. Without a policy of its own the gateway's forbids all requests."""
    headers = client.get("/service-worker.js").headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; connect-src 'self'; ")
    assert headers["Cache-Control"] == "no-cache"
    assert "javascript" in headers["Content-Type"]
    assert "Service-Worker-Allowed" not in headers


def test_assets_are_kept_for_ever(client: httpx2.Client) -> None:
    response = client.get(SCRIPT, headers={"Accept-Encoding": "identity"})
    assert response.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert "javascript" in response.headers["Content-Type"]


@pytest.mark.parametrize(
    ("accepted", "coding", "content"),
    [
        ("", None, b"plain"),
        ("identity", None, b"plain"),
        ("gzip", "gzip", b"by gzip"),
        ("gzip, deflate, br, zstd", "br", b"by brotli"),
        ("gzip;q=1.0, br;q=0", "gzip", b"by gzip"),
        ("BR", "br", b"by brotli"),
        ("zstd", None, b"plain"),
    ],
)
def test_the_best_form_that_was_made_is_served(
    client: httpx2.Client, accepted: str, coding: str | None, content: bytes
) -> None:
    """RFC 9110 §12.5.3, §12.5.5: Vary names Accept-Encoding, and each form has its own ETag."""
    with client.stream("GET", SCRIPT, headers={"Accept-Encoding": accepted}) as response:
        assert b"".join(response.iter_raw()) == content
    assert response.headers.get("Content-Encoding") == coding
    assert response.headers["Vary"] == "Accept-Encoding"
    plain = client.get(SCRIPT, headers={"Accept-Encoding": "identity"})  # the test's .gz file is not really compressed
    assert (response.headers["ETag"] == plain.headers["ETag"]) == (coding is None)


@pytest.mark.parametrize(
    "path",
    [
        "/assets/none.js",
        "/assets/index-abc.js.br",
        "/assets/..%2Findex.html",
        "/assets/../../../etc/passwd",
        "/index.html",
        "/sign-in/",
        "/unknown",
    ],
)
def test_nothing_else_is_served(client: httpx2.Client, path: str) -> None:
    response = client.send(client.build_request("GET", "/", extensions={"target": path.encode()}))
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", [*web.PAGES, SCRIPT])
def test_what_was_not_built_is_not_found(sqlite_service: Service, path: str) -> None:
    response = sqlite_service.client().get(path)
    assert (response.status_code, response.headers["Content-Type"]) == (404, "application/problem+json")


def test_folder_that_is_empty_text_is_none_and_not_where_the_service_was_started() -> None:
    assert load_settings({"TODO_ISSUER": "http://localhost:8080", "TODO_WEB_FOLDER": ""}).web_folder is None


def test_pages_take_no_posts(client: httpx2.Client) -> None:
    response = client.post("/sign-in")
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")
