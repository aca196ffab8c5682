"""Who may do what: every todo route with every kind of caller. The matrix is made from the routes themselves."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from fastapi.routing import iter_route_contexts
from pydantic import SecretStr

from todo_fixtures import issuer
from todo_fixtures.issuer import ISSUER, private_key
from todo_fixtures.service import Service
from todo_service.app import create_app
from todo_service.settings import Settings

# What a new route needs: a body that would be accepted, and the status that its owner gets.
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "todos"): {"title": "Buy milk"},
    ("PATCH", "todos/{todo_id}"): {"title": "Buy oat milk"},
}
OWNER: dict[tuple[str, str], int] = {
    ("GET", "todos"): 200,
    ("POST", "todos"): 201,
    ("GET", "todos/{todo_id}"): 200,
    ("PATCH", "todos/{todo_id}"): 200,
    ("POST", "todos/{todo_id}/complete"): 200,
    ("POST", "todos/{todo_id}/reopen"): 200,
    ("DELETE", "todos/{todo_id}"): 204,
}
PUBLIC = {"/livez", "/readyz", "/openapi.json", "/.well-known/oauth-protected-resource/api/v1"}


def short(path: str) -> str:
    return path.removeprefix("/api/v1/").removeprefix("users/{user_id}/")


def routes() -> list[tuple[str, str]]:
    app = create_app(Settings(issuer=ISSUER, database_url=SecretStr("sqlite+aiosqlite:///unused.db")))
    found = [(context.methods or set(), context.path or "") for context in iter_route_contexts(app.routes)]
    return sorted((method, path) for methods, path in found for method in methods if path not in PUBLIC)


ROUTES = routes()


def test_the_matrix_knows_every_route() -> None:
    """A new route fails here until it says what its owner gets; then it is in the matrix."""
    assert {(method, short(path)) for method, path in ROUTES} == OWNER.keys()
    assert {path for _, path in ROUTES} == {
        prefix + path for prefix in ("/api/v1/", "/api/v1/users/{user_id}/") for _, path in OWNER
    }


def needed(method: str) -> str:
    return "todos:read" if method == "GET" else "todos:write"


def other(method: str) -> str:
    return "todos:write" if method == "GET" else "todos:read"


# Each gets the subject whose todo it is about and the method; returns the credential.
Principal = Callable[[str, str], str | None]
PRINCIPALS: dict[str, tuple[Principal, int]] = {
    "no-token": (lambda sub, method: None, 401),
    "expired": (lambda sub, method: issuer.token(sub=sub, iat=1000, exp=1300), 401),
    "other-issuer": (lambda sub, method: issuer.token(sub=sub, iss="https://evil.example.com"), 401),
    "other-signer": (lambda sub, method: forged(sub), 401),
    "wrong-audience": (lambda sub, method: issuer.token(sub=sub, aud=ISSUER), 401),
    "id-token": (lambda sub, method: issuer.token(sub=sub, headers={"typ": "JWT"}), 401),
    "no-scope": (lambda sub, method: issuer.token(sub=sub, scope=None), 403),
    "other-scope": (lambda sub, method: issuer.token(sub=sub, scope=other(method)), 403),
    "owner": (lambda sub, method: issuer.token(sub=sub, scope=needed(method)), 0),
}


def forged(sub: str) -> str:
    head, payload = json.dumps(issuer.header()).encode(), json.dumps(issuer.claims(sub=sub)).encode()
    return issuer.sign(head, payload, private_key("thief"))


def send(service: Service, method: str, path: str, token: str | None, user_id: str, todo_id: str) -> httpx2.Response:
    url = path.format(user_id=user_id, todo_id=todo_id)
    return service.client(token).request(method, url, json=BODIES.get((method, short(path))))


def todo_of(service: Service, sub: str) -> dict[str, Any]:
    created = service.person(sub).post("/api/v1/todos", json={"title": "Mine"})
    assert created.status_code == 201
    todo: dict[str, Any] = created.json()
    return todo


@pytest.mark.parametrize("principal", PRINCIPALS)
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_with_every_principal(shared_service: Service, method: str, path: str, principal: str) -> None:
    sub = uuid.uuid4().hex
    todo = todo_of(shared_service, sub)
    make, status = PRINCIPALS[principal]
    response = send(shared_service, method, path, make(sub, method), sub, todo["id"])
    assert response.status_code == (status or OWNER[method, short(path)]), response.text
    if status:
        assert shared_service.person(sub).get("/api/v1/todos").json()["items"] == [todo]
        assert "Mine" not in response.text
    if status == 401:
        assert response.headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_somebody_else_sees_and_changes_nothing(shared_service: Service, method: str, path: str) -> None:
    """By the own path: 404, or a list without it. The answer is the one for an id that nobody has."""
    alice, mallory = uuid.uuid4().hex, uuid.uuid4().hex
    todo = todo_of(shared_service, alice)
    token = issuer.token(sub=mallory)
    response = send(shared_service, method, path, token, mallory, todo["id"])
    if "{todo_id}" in path:
        absent = send(shared_service, method, path, token, mallory, "01900000-0000-7000-8000-000000000000")
        assert (response.status_code, absent.status_code) == (404, 404)
        assert response.json()["detail"] == absent.json()["detail"]
    else:
        assert todo["id"] not in response.text
    assert shared_service.person(alice).get("/api/v1/todos").json()["items"] == [todo]


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if "{user_id}" in route[1]])
@pytest.mark.parametrize("todo_id", ["theirs", "absent", "nonsense"])
def test_another_users_path_is_forbidden_before_anything_about_the_todo(
    shared_service: Service, method: str, path: str, todo_id: str
) -> None:
    alice, mallory = uuid.uuid4().hex, uuid.uuid4().hex
    todo = todo_of(shared_service, alice)
    ids = {"theirs": todo["id"], "absent": "01900000-0000-7000-8000-000000000000", "nonsense": "x"}
    response = send(shared_service, method, path, issuer.token(sub=mallory), alice, ids[todo_id])
    assert (response.status_code, response.json()["type"]) == (403, "urn:problem-type:todo:other-user")
    assert shared_service.person(alice).get("/api/v1/todos").json()["items"] == [todo]
