"""Every todo route, called by every kind of caller. The matrix is made from the application's routes."""

import asyncio
import json
import uuid
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from fastapi.routing import iter_route_contexts
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from todo_fixtures import isolation, issuer, sharing
from todo_fixtures.issuer import ISSUER, private_key
from todo_fixtures.service import Service
from todo_service.app import create_app
from todo_service.settings.settings import Settings
from todo_service.store import database

# A new route needs an entry here: an acceptable body, and the status that its owner gets.
BODIES: dict[tuple[str, str], Any] = {
    ("POST", "todos"): {"title": "Buy milk"},
    ("POST", "todos:batch"): {"operations": [{"op": "create", "todo": {"title": "Buy milk"}}]},
    ("PATCH", "todos/{todo_id}"): {"title": "Buy oat milk"},
    ("POST", "lists"): {"name": "Shopping"},
    ("PATCH", "lists/{list_id}"): {"name": "Groceries"},
    ("PATCH", "lists/{list_id}/members/{member_id}"): {"role": "viewer"},
    ("POST", "lists/{list_id}/invitations"): {"role": "viewer", "name": "Alice"},
    ("POST", "invitations/show"): {},  # and a token, that somebody else has made
    ("POST", "invitations/accept"): {"name": "Bob"},
}
OWNER: dict[tuple[str, str], int] = {
    ("GET", "todos"): 200,
    ("POST", "todos"): 201,
    ("GET", "todos/{todo_id}"): 200,
    ("PATCH", "todos/{todo_id}"): 200,
    ("POST", "todos/{todo_id}/complete"): 200,
    ("POST", "todos/{todo_id}/reopen"): 200,
    ("POST", "todos/{todo_id}/restore"): 200,
    ("DELETE", "todos/{todo_id}"): 204,
    ("DELETE", "todos"): 204,
    ("POST", "todos:batch"): 200,
    ("GET", "changes"): 200,
    ("GET", "export"): 200,
    ("GET", "events"): 200,
    ("GET", "lists"): 200,
    ("POST", "lists"): 201,
    ("GET", "lists/{list_id}"): 200,
    ("PATCH", "lists/{list_id}"): 200,
    ("DELETE", "lists/{list_id}"): 204,
    ("POST", "lists/{list_id}/restore"): 200,
    ("GET", "lists/{list_id}/members"): 200,
    ("PATCH", "lists/{list_id}/members/{member_id}"): 200,
    ("DELETE", "lists/{list_id}/members/{member_id}"): 204,
    ("GET", "lists/{list_id}/invitations"): 200,
    ("POST", "lists/{list_id}/invitations"): 201,
    ("DELETE", "lists/{list_id}/invitations/{invitation_id}"): 204,
    ("POST", "invitations/show"): 200,
    ("POST", "invitations/accept"): 200,
}
PUBLIC = {
    *("/livez", "/readyz", "/openapi.json", "/.well-known/oauth-protected-resource/api/v1"),
    *("/mcp", "/.well-known/oauth-protected-resource/mcp"),  # test_agents.py has a matrix of its tools
    # the web application
    *("/", "/sign-in", "/sign-up", "/settings", "/invitation", "/favicon.svg", "/service-worker.js", "/assets/{name}"),
}


ABSENT = "01900000-0000-7000-8000-000000000000"
BESIDE: dict[str, dict[str, str]] = {}  # by list: a member and an invitation


def short(path: str) -> str:
    return path.removeprefix("/api/v1/").removeprefix("users/{user_id}/")


def routes() -> list[tuple[str, str]]:
    app = create_app(Settings(issuer=ISSUER, database_url=SecretStr("sqlite+aiosqlite:///unused.db")))
    found = [(context.methods or set(), context.path or "") for context in iter_route_contexts(app.routes)]
    return sorted((method, path) for methods, path in found for method in methods if path not in PUBLIC)


ROUTES = routes()


def test_the_matrix_knows_every_route() -> None:
    """A new route fails here until it has an entry in the matrix."""
    assert {(method, short(path)) for method, path in ROUTES} == OWNER.keys()
    assert {path for _, path in ROUTES} == {
        prefix + path for prefix in ("/api/v1/", "/api/v1/users/{user_id}/") for _, path in OWNER
    }


def needed(method: str) -> str:
    return "todos:read" if method == "GET" else "todos:write"


def other(method: str) -> str:
    return "todos:write" if method == "GET" else "todos:read"


# Each function gets the todo's owner and the method, and returns the credential.
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


def send(service: Service, method: str, path: str, token: str | None, user_id: str, id_: str) -> httpx2.Response:
    ids = {"member_id": ABSENT, "invitation_id": ABSENT, **BESIDE.get(id_, {})}
    url = path.format(user_id=user_id, todo_id=id_, list_id=id_, **ids)
    body = BODIES.get((method, short(path)))
    if short(path).startswith("invitations/"):
        host = service.person()
        body = {
            **(body or {}),
            "token": sharing.invite(host, host.post("/api/v1/lists", json={"name": "Theirs"}).json()["id"])["token"],
        }
    if short(path) == "events":  # a stream has no end
        with service.client(token).stream(method, url) as response:
            if response.status_code != 200:
                response.read()
                return response
            lines = response.iter_lines()
            return httpx2.Response(200, text="".join(next(lines) for _ in range(5)))  # its first event
    return service.client(token).request(method, url, json=body)


def todo_of(service: Service, sub: str) -> dict[str, Any]:
    created = service.person(sub).post("/api/v1/todos", json={"title": "Mine"})
    assert created.status_code == 201
    todo: dict[str, Any] = created.json()
    return todo


def thing_of(service: Service, sub: str, path: str) -> dict[str, Any]:
    """A todo of the person, or a list if the path is about lists."""
    if "/lists" not in path:
        return todo_of(service, sub)
    created = service.person(sub).post("/api/v1/lists", json={"name": "Mine"})
    assert created.status_code == 201
    made: dict[str, Any] = created.json()
    if "/members" not in path and "/invitations" not in path:
        return made
    owner, list_id = service.person(sub), made["id"]
    BESIDE[list_id] = {"member_id": sharing.join(owner, service.person(), list_id)}
    BESIDE[list_id]["invitation_id"] = sharing.invite(owner, list_id)["id"]
    made |= owner.get(f"/api/v1/lists/{list_id}").json()
    return made


def things_of(service: Service, sub: str, path: str) -> list[dict[str, Any]]:
    kind = "lists" if "/lists" in path else "todos"
    items: list[dict[str, Any]] = service.person(sub).get(f"/api/v1/{kind}").json()["items"]
    return items


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_with_every_principal(isolated_service: Service, method: str, path: str) -> None:
    sub = uuid.uuid4().hex
    thing = thing_of(isolated_service, sub, path)
    for name, (make, status) in PRINCIPALS.items():
        response = send(isolated_service, method, path, make(sub, method), sub, thing["id"])
        assert response.status_code == (status or OWNER[method, short(path)]), (name, response.text)
        if status:  # the owner is the last one
            assert things_of(isolated_service, sub, path) == [thing], name
            assert "Mine" not in response.text
        if status == 401:
            assert response.headers["WWW-Authenticate"].startswith("Bearer ")


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_somebody_else_sees_and_changes_nothing(isolated_service: Service, method: str, path: str) -> None:
    """Under the caller's own path: 404, as for an unknown id, or a list without the todo."""
    alice, mallory = uuid.uuid4().hex, uuid.uuid4().hex
    thing = thing_of(isolated_service, alice, path)
    token = issuer.token(sub=mallory)
    response = send(isolated_service, method, path, token, mallory, thing["id"])
    assert "Mine" not in response.text
    if "_id}" in short(path):
        absent = send(isolated_service, method, path, token, mallory, ABSENT)
        assert (response.status_code, absent.status_code) == (404, 404)
        assert response.json()["detail"] == absent.json()["detail"]
    else:
        assert thing["id"] not in response.text
    assert things_of(isolated_service, alice, path) == [thing]


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if "{user_id}" in route[1]])
def test_another_users_path_is_forbidden_before_anything_about_the_todo(
    isolated_service: Service, method: str, path: str
) -> None:
    """Whether the id is that user's, nobody's, or nonsense."""
    alice, mallory = uuid.uuid4().hex, uuid.uuid4().hex
    thing = thing_of(isolated_service, alice, path)
    for id_ in (thing["id"], ABSENT, "x")[: 3 if "_id}" in short(path) else 1]:
        response = send(isolated_service, method, path, issuer.token(sub=mallory), alice, id_)
        assert (response.status_code, response.json()["type"]) == (403, "urn:problem-type:todo:other-user")
    assert things_of(isolated_service, alice, path) == [thing]


@pytest.mark.parametrize(("method", "path"), [route for route in ROUTES if "_id}" in short(route[1])])
def test_somebody_elses_deleted_todo_is_not_there_either(isolated_service: Service, method: str, path: str) -> None:
    alice, mallory = uuid.uuid4().hex, uuid.uuid4().hex
    thing = thing_of(isolated_service, alice, path)
    kind = "lists" if "/lists" in path else "todos"
    isolated_service.person(alice).delete(f"/api/v1/{kind}/{thing['id']}")
    response = send(isolated_service, method, path, issuer.token(sub=mallory), mallory, thing["id"])
    assert response.status_code == 404
    [deleted] = isolated_service.person(alice).get(f"/api/v1/{kind}?deleted=only").json()["items"]
    assert (deleted["id"], deleted["version"]) == (thing["id"], thing["version"] + 1)


def test_a_batch_reaches_nobody_elses_todos(isolated_service: Service) -> None:
    alice, mallory = uuid.uuid4().hex, uuid.uuid4().hex
    todo = todo_of(isolated_service, alice)
    operations = [{"op": op, "id": todo["id"]} for op in ("complete", "reopen", "delete", "restore")]
    operations.append({"op": "update", "id": todo["id"], "todo": {"title": "Hers"}})
    made = isolated_service.person(mallory).post("/api/v1/todos", json={"title": "Own"})
    assert made.status_code == 201
    results = isolated_service.person(mallory).post("/api/v1/todos:batch", json={"operations": operations}).json()
    assert [result["status"] for result in results["results"]] == [404] * 5
    assert isolated_service.person(alice).get("/api/v1/todos").json()["items"] == [todo]


def test_an_idempotency_key_is_its_owners(isolated_service: Service) -> None:
    key = {"Idempotency-Key": f'"{uuid.uuid4().hex}"'}
    answers = [isolated_service.person().post("/api/v1/todos", json={"title": "x"}, headers=key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json()["id"] != answers[1].json()["id"]


def test_without_either_wall_nobody_is_kept_apart(
    postgres_url: str, unfiltered_service: Service, unprotected_service: Service
) -> None:
    """Without both separations Mallory reads Alice's todo. So the tests above really remove them, one at a time."""
    alice, mallory = uuid.uuid4().hex, uuid.uuid4().hex
    todo = todo_of(unprotected_service, alice)
    path = f"/api/v1/todos/{todo['id']}"
    assert unprotected_service.person(mallory).get(path).status_code == 404
    restore = isolation.remove_owner_filters(unprotected_service.app.state.parts.database)
    assert unprotected_service.person(mallory).get(path).json() == todo
    restore()
    assert unprotected_service.person(mallory).get(path).status_code == 404


def test_the_setting_does_not_outlive_its_transaction(postgres_service: Service) -> None:
    """A pooled connection does not keep the owner for the next request. Without the setting no rows are visible."""
    todo_of(postgres_service, "alice")

    async def count() -> tuple[int, int]:
        own = database.open_database(
            postgres_service.app.state.parts.database.writer.url.render_as_string(hide_password=False)
        )
        async with own.writer.connect() as connection:
            before = (await connection.execute(text("SELECT count(*) FROM todos"))).scalar_one()
        async with own.reading("alice") as connection:
            assert (await connection.execute(text("SELECT count(*) FROM todos"))).scalar_one() > 0
        async with own.writer.connect() as connection:
            after = (await connection.execute(text("SELECT count(*) FROM todos"))).scalar_one()
        await own.close()
        return before, after

    assert asyncio.run(count()) == (0, 0)


def test_nobody_puts_a_todo_into_somebody_elses_list(isolated_service: Service) -> None:
    """The refusal is that of a list that does not exist; `list_id` as a filter shows nothing."""
    alice, mallory = uuid.uuid4().hex, uuid.uuid4().hex
    theirs = thing_of(isolated_service, alice, "/lists")["id"]
    mine = todo_of(isolated_service, alice)
    isolated_service.person(alice).patch(f"/api/v1/todos/{mine['id']}", json={"list_id": theirs})
    client = isolated_service.person(mallory)
    refused = [
        client.post("/api/v1/todos", json={"title": "x", "list_id": list_id}).json()["errors"]
        for list_id in (theirs, ABSENT)
    ]
    assert refused[0] == refused[1] != []
    assert client.get("/api/v1/todos", params={"list_id": theirs}).json()["items"] == []
    assert client.get("/api/v1/todos").json()["items"] == []


@pytest.mark.parametrize("table", isolation.TABLES)
def test_the_serving_role_cannot_write_for_others(postgres_service: Service, table: str) -> None:
    async def steal() -> None:
        own = database.open_database(
            postgres_service.app.state.parts.database.writer.url.render_as_string(hide_password=False)
        )
        async with own.writing("mallory") as connection:
            updated = await connection.execute(text(f"UPDATE {table} SET owner = 'mallory'"))
            assert updated.rowcount == 0
        with pytest.raises(ProgrammingError, match=r"row-level security|must be owner"):
            async with own.writing("mallory") as connection:
                await connection.execute(text("INSERT INTO owners VALUES ('alice', 1, 1)"))
        with pytest.raises(ProgrammingError, match="must be owner"):
            async with own.writing("mallory") as connection:
                await connection.execute(text(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"))
        await own.close()

    asyncio.run(steal())


def test_an_exempt_role_is_warned_about(postgres_url: str, postgres_service: Service) -> None:
    """The role of postgres_url is a superuser, to whom no policy applies."""

    async def exempt(url: str) -> bool:
        own = database.open_database(url)
        try:
            return await own.bypasses_row_level_security()
        finally:
            await own.close()

    serving = serving_url_of(postgres_service)
    assert [asyncio.run(exempt(url)) for url in (postgres_url, serving)] == [True, False]


def serving_url_of(service: Service) -> str:
    return str(service.app.state.parts.database.writer.url.render_as_string(hide_password=False))
