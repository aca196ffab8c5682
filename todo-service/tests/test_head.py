"""HEAD is answered wherever GET is (RFC 9110 §9.1, §9.3.2)."""

import re

import pytest
from fastapi.routing import iter_route_contexts

from todo_fixtures.service import Service
from todo_service.todos.routes import BY_USER

PERSONAL = {"date", "x-request-id", "ratelimit", "transfer-encoding"}  # the last is needed for content only
TODO = {"title": "read"}


def read_paths(service: Service) -> list[str]:
    contexts = iter_route_contexts(service.app.routes)
    return sorted({context.path or "" for context in contexts if "GET" in (context.methods or ())})


def test_head_is_answered_as_get_is_without_content(sqlite_service: Service) -> None:
    client = sqlite_service.person("ann")
    todo = client.post("/api/v1/todos", json=TODO).json()["id"]
    paths = read_paths(sqlite_service)
    assert len(paths) > 12
    assert any(path.startswith(BY_USER) for path in paths)
    for route in paths:
        path = re.sub(r"\{[^}]*\}", "x", route.replace("{user_id}", "ann").replace("{todo_id}", todo))
        with client.stream("GET", path) as read:
            if not path.endswith("/events"):  # that stream ends with the token
                read.read()
        head = client.head(path)
        assert (head.status_code, head.content) == (read.status_code, b""), path
        assert lasting(head.headers) == lasting(read.headers), path
    assert client.get("/livez").status_code == 200, "the connection was of use afterwards"


def lasting(headers: object) -> dict[str, str]:
    """The header fields, except those that differ between two GETs."""
    return {name: value for name, value in dict(headers).items() if name not in PERSONAL}  # type: ignore[call-overload]


@pytest.mark.parametrize("path", ["/api/v1/todos:batch", "/api/v1/todos/x/complete"])
def test_head_is_no_way_around_a_method(sqlite_service: Service, path: str) -> None:
    assert sqlite_service.client().head(path).status_code == 405
