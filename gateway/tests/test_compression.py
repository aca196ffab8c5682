"""What may be large and holds no credential is compressed, and nothing else (rule G22 in README.md)."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING

import pytest
from gateway.tests.upstream import Answer

if TYPE_CHECKING:
    from gateway.tests.conftest import RunningGateway

LARGE = json.dumps({"items": [{"title": f"Todo {number}"} for number in range(200)]}).encode()
TAG = '"0198"'
JSON = {"Content-Type": "application/json", "ETag": TAG}
ACCEPTS = {"Accept-Encoding": "gzip, deflate, br"}
COMPRESSED = [
    f"/api/v1/{whose}{what}" for whose in ("", "users/u1/") for what in ("todos", "todos?q=milk", "changes", "export")
]
OTHERS = [
    ("GET", "/api/v1/todos/0198", 200),
    ("PATCH", "/api/v1/todos/0198", 200),
    ("POST", "/api/v1/todos", 201),
    ("POST", "/api/v1/todos:batch", 200),
    ("GET", "/api/v1/lists", 200),
    ("GET", "/api/v1/lists/0198/members", 200),
    ("POST", "/api/v1/lists/0198/invitations", 200),
    ("POST", "/api/v1/invitations/show", 200),
    ("POST", "/mcp", 200),
    ("GET", "/api/auth/get-session", 200),
    ("GET", "/api/auth/token", 200),
    ("POST", "/oauth/token", 200),
    ("GET", "/oauth/userinfo", 200),
    ("POST", "/oauth/introspect", 200),
    ("GET", "/signin", 200),
]


def answer(gateway: RunningGateway, path: str, given: Answer) -> None:
    for service in (gateway.auth, gateway.todo):
        service.answers[path.partition("?")[0]] = given


@pytest.mark.parametrize("path", COMPRESSED)
def test_large_document_of_a_person_is_compressed_for_who_accepts_it(gateway: RunningGateway, path: str) -> None:
    """RFC 9110 §12.5.3, and §8.8.3.3: two codings of a document do not have the same strong tag."""
    answer(gateway, path, Answer(headers=JSON, body=LARGE))
    compressed, plain = gateway.request(path, headers=ACCEPTS), gateway.request(path)
    assert gzip.decompress(compressed.body) == plain.body == LARGE
    assert len(compressed.body) < len(LARGE) / 4
    assert (compressed.values("Content-Encoding"), plain.values("Content-Encoding")) == (["gzip"], [])
    assert (compressed.values("ETag"), plain.values("ETag")) == ([f"W/{TAG}"], [TAG])
    assert all("Accept-Encoding" in each.values("Vary") for each in (compressed, plain))


@pytest.mark.parametrize(("method", "path", "status"), OTHERS)
def test_nothing_else_is_compressed(gateway: RunningGateway, method: str, path: str, status: int) -> None:
    answer(gateway, path, Answer(status, JSON, LARGE))
    response = gateway.request(path, method, ACCEPTS)
    assert (response.status, response.body) == (status, LARGE)
    assert (response.values("Content-Encoding"), response.values("ETag")) == ([], [TAG])


def test_small_document_and_a_problem_are_left_as_they_are(gateway: RunningGateway) -> None:
    answer(gateway, "/api/v1/todos", Answer(headers=JSON, body=LARGE[:1000]))
    assert gateway.request("/api/v1/todos", headers=ACCEPTS).body == LARGE[:1000]
    answer(gateway, "/api/v1/todos", Answer(403, {"Content-Type": "application/problem+json"}, LARGE))
    assert gateway.request("/api/v1/todos", headers=ACCEPTS).body == LARGE


@pytest.mark.parametrize("tag", [TAG, f"W/{TAG}"])
def test_condition_passes_and_an_unchanged_document_has_no_body(gateway: RunningGateway, tag: str) -> None:
    """RFC 9110 §13.1.2: If-None-Match compares weakly, so the service knows the tag that was made weak here."""
    answer(gateway, "/api/v1/todos", Answer(304, {"ETag": TAG}))
    response = gateway.request("/api/v1/todos", headers={**ACCEPTS, "If-None-Match": tag})
    assert (response.status, response.body) == (304, b"")
    assert ["If-None-Match", tag] in [list(each) for each in gateway.todo.seen[-1]["headers"]]


def test_range_gets_the_whole_document(gateway: RunningGateway) -> None:
    """RFC 9110 §14.2: a server may ignore Range. A range of the compressed bytes would be of no use to anybody."""
    answer(gateway, "/api/v1/export", Answer(headers=JSON, body=LARGE))
    response = gateway.request("/api/v1/export", headers={**ACCEPTS, "Range": "bytes=0-99"})
    assert (response.status, gzip.decompress(response.body)) == (200, LARGE)
    assert response.values("Accept-Ranges") == []


def test_head_has_no_body(gateway: RunningGateway) -> None:
    answer(gateway, "/api/v1/todos", Answer(headers=JSON, body=LARGE))
    response = gateway.request("/api/v1/todos", "HEAD", ACCEPTS)
    assert (response.status, response.body) == (200, b"")
