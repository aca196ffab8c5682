"""Every todo route with every kind of caller, and the exact status of the answer.

todo-service trusts the test's issuer here, because the real issuer does not sign tokens that are almost valid. Tokens
that the real issuer does sign are tested through the gateway as well.
"""

import uuid
from collections.abc import Callable
from typing import Any, NamedTuple

import httpx2
import pytest

from e2e_fixtures.issuer import Issuer
from e2e_fixtures.people import bearer, sign_up
from e2e_fixtures.stack import Stack
from e2e_fixtures.todo_process import TodoProcess

ROOT, USER_ROOT = "/api/v1", "/api/v1/users/{user_id}"
OWN, BY_USER = f"{ROOT}/todos", f"{USER_ROOT}/todos"
LISTS, LISTS_BY_USER = f"{ROOT}/lists", f"{USER_ROOT}/lists"
READ, WRITE = "todos:read", "todos:write"


NOBODYS = "01900000-0000-7000-8000-000000000000"  # id of a member or an invitation that there is not
BODIES: dict[str, dict[str, Any]] = {
    "/lists/{list_id}/members/{member_id}": {"role": "viewer"},
    "/lists/{list_id}/invitations": {"role": "viewer", "name": "Alice"},
    "/invitations/show": {"token": "x" * 43},
    "/invitations/accept": {"token": "x" * 43, "name": "Bob"},
}


class Owned(NamedTuple):
    """What the refused requests are about."""

    user_id: str
    todo_id: str
    list_id: str


class Route(NamedTuple):
    method: str
    path: str
    scope: str
    owner: int
    other_user: int

    def request(self, client: httpx2.Client, owned: Owned) -> httpx2.Response:
        member = "name" if "/lists" in self.path else "title"
        body: dict[str, Any] | None = {member: "Changed"} if self.method in ("POST", "PATCH") else None
        body = body and BODIES.get(self.path.removeprefix(USER_ROOT).removeprefix(ROOT), body)
        if self.path.endswith(":batch"):
            body = {"operations": [{"op": "create", "todo": {"title": "Changed"}}]}
        path = self.path.format(**owned._asdict(), member_id=NOBODYS, invitation_id=NOBODYS)
        if not path.endswith("/events"):
            return client.request(self.method, path, json=body)
        with client.stream(self.method, path) as response:  # it has no end
            if response.status_code != 200:
                response.read()
            return response


# `/todos` and `/lists` are each caller's own. Another owner's todo or list is 404; another owner's path is 403.
ROUTES = [
    Route("GET", OWN, READ, 200, 200),
    Route("POST", OWN, WRITE, 201, 201),
    Route("GET", OWN + "/{todo_id}", READ, 200, 404),
    Route("PATCH", OWN + "/{todo_id}", WRITE, 200, 404),
    Route("POST", OWN + "/{todo_id}/complete", WRITE, 200, 404),
    Route("POST", OWN + "/{todo_id}/reopen", WRITE, 200, 404),
    Route("DELETE", OWN + "/{todo_id}", WRITE, 204, 404),
    Route("DELETE", OWN, WRITE, 204, 204),
    Route("POST", OWN + "/{todo_id}/restore", WRITE, 200, 404),
    Route("POST", OWN + ":batch", WRITE, 200, 200),
    Route("GET", LISTS, READ, 200, 200),
    Route("POST", LISTS, WRITE, 201, 201),
    Route("GET", LISTS + "/{list_id}", READ, 200, 404),
    Route("PATCH", LISTS + "/{list_id}", WRITE, 200, 404),
    Route("DELETE", LISTS + "/{list_id}", WRITE, 204, 404),
    Route("POST", LISTS + "/{list_id}/restore", WRITE, 200, 404),
    Route("GET", LISTS + "/{list_id}/members", READ, 200, 404),
    Route("PATCH", LISTS + "/{list_id}/members/{member_id}", WRITE, 404, 404),
    Route("DELETE", LISTS + "/{list_id}/members/{member_id}", WRITE, 404, 404),
    Route("GET", LISTS + "/{list_id}/invitations", READ, 200, 404),
    Route("POST", LISTS + "/{list_id}/invitations", WRITE, 201, 404),
    Route("DELETE", LISTS + "/{list_id}/invitations/{invitation_id}", WRITE, 404, 404),
    Route("POST", ROOT + "/invitations/show", WRITE, 404, 404),
    Route("POST", ROOT + "/invitations/accept", WRITE, 404, 404),
    Route("GET", ROOT + "/changes", READ, 200, 200),
    Route("GET", ROOT + "/export", READ, 200, 200),
    Route("GET", ROOT + "/events", READ, 200, 200),
    Route("GET", BY_USER, READ, 200, 403),
    Route("POST", BY_USER, WRITE, 201, 403),
    Route("GET", BY_USER + "/{todo_id}", READ, 200, 403),
    Route("PATCH", BY_USER + "/{todo_id}", WRITE, 200, 403),
    Route("POST", BY_USER + "/{todo_id}/complete", WRITE, 200, 403),
    Route("POST", BY_USER + "/{todo_id}/reopen", WRITE, 200, 403),
    Route("DELETE", BY_USER + "/{todo_id}", WRITE, 204, 403),
    Route("DELETE", BY_USER, WRITE, 204, 403),
    Route("POST", BY_USER + "/{todo_id}/restore", WRITE, 200, 403),
    Route("POST", BY_USER + ":batch", WRITE, 200, 403),
    Route("GET", LISTS_BY_USER, READ, 200, 403),
    Route("POST", LISTS_BY_USER, WRITE, 201, 403),
    Route("GET", LISTS_BY_USER + "/{list_id}", READ, 200, 403),
    Route("PATCH", LISTS_BY_USER + "/{list_id}", WRITE, 200, 403),
    Route("DELETE", LISTS_BY_USER + "/{list_id}", WRITE, 204, 403),
    Route("POST", LISTS_BY_USER + "/{list_id}/restore", WRITE, 200, 403),
    Route("GET", LISTS_BY_USER + "/{list_id}/members", READ, 200, 403),
    Route("PATCH", LISTS_BY_USER + "/{list_id}/members/{member_id}", WRITE, 404, 403),
    Route("DELETE", LISTS_BY_USER + "/{list_id}/members/{member_id}", WRITE, 404, 403),
    Route("GET", LISTS_BY_USER + "/{list_id}/invitations", READ, 200, 403),
    Route("POST", LISTS_BY_USER + "/{list_id}/invitations", WRITE, 201, 403),
    Route("DELETE", LISTS_BY_USER + "/{list_id}/invitations/{invitation_id}", WRITE, 404, 403),
    Route("POST", USER_ROOT + "/invitations/show", WRITE, 404, 403),
    Route("POST", USER_ROOT + "/invitations/accept", WRITE, 404, 403),
    Route("GET", USER_ROOT + "/changes", READ, 200, 403),
    Route("GET", USER_ROOT + "/export", READ, 200, 403),
    Route("GET", USER_ROOT + "/events", READ, 200, 403),
]
PUBLIC = {
    ("GET", "/.well-known/oauth-protected-resource/api/v1"),
    ("GET", "/.well-known/oauth-protected-resource/mcp"),
    ("GET", "/livez"),
    ("GET", "/readyz"),
}
TOOLS = {("POST", "/mcp")}  # todo-service/tests/test_agents.py and test_agents.py here have its matrix

REFUSED: dict[str, Callable[[Issuer, str], str | None]] = {
    "no token": lambda issuer, user_id: None,
    "expired": lambda issuer, user_id: issuer.token(sub=user_id, iat=1_700_000_000, exp=1_700_000_300),
    "other issuer": lambda issuer, user_id: issuer.token(sub=user_id, iss="http://localhost:1"),
    "other issuer's key": lambda issuer, user_id: issuer.token(sub=user_id, key="thief"),
    "wrong audience": lambda issuer, user_id: issuer.token(sub=user_id, aud=issuer.url),
    "ID token": lambda issuer, user_id: issuer.token(sub=user_id, aud="web", nonce="n", header={"typ": "JWT"}),
}
every_route = pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
Accounts = tuple[str, httpx2.Client, httpx2.Client]


@pytest.fixture
def owned(todo_process: TodoProcess) -> Owned:
    """A user of the test's issuer with one todo and one list."""
    user_id = f"user-{uuid.uuid4().hex}"
    return _made(user_id, todo_process.client(todo_process.issuer.token(sub=user_id)))


def _made(user_id: str, client: httpx2.Client) -> Owned:
    todo = client.post(OWN, json={"title": "Untouched"}).json()
    return Owned(user_id, todo["id"], client.post(LISTS, json={"name": "Untouched"}).json()["id"])


@pytest.fixture(scope="module")
def accounts(stack: Stack) -> Accounts:
    """Two accounts of the real issuer: the first one's id, and an HTTP client for each."""
    owner = sign_up(stack)
    return owner.id, owner.api(), sign_up(stack, "Bob").api()


def assert_untouched(todo_process: TodoProcess, owned: Owned) -> None:
    """A refused request changes neither the todo nor the list nor anything else of their owner."""
    client = todo_process.client(todo_process.issuer.token(sub=owned.user_id))
    items = client.get(OWN).json()["items"]
    assert [(todo["id"], todo["title"], todo["status"]) for todo in items] == [(owned.todo_id, "Untouched", "open")]
    assert [(each["id"], each["name"]) for each in client.get(LISTS).json()["items"]] == [(owned.list_id, "Untouched")]


def test_every_route_is_in_the_matrix(todo_process: TodoProcess) -> None:
    paths = todo_process.client().get("/openapi.json").json()["paths"]
    documented = {(method.upper(), path) for path, item in paths.items() for method in item}
    assert documented - PUBLIC - TOOLS == {(route.method, route.path) for route in ROUTES}


@every_route
@pytest.mark.parametrize("caller", REFUSED)
def test_caller_without_a_valid_token_is_401(
    todo_process: TodoProcess, owned: Owned, route: Route, caller: str
) -> None:
    """RFC 6750 §3: the challenge names the error, unless there were no credentials at all."""
    client = todo_process.client(REFUSED[caller](todo_process.issuer, owned.user_id))
    response = route.request(client, owned)
    challenge = response.headers["WWW-Authenticate"]
    assert (response.status_code, challenge.partition(" ")[0]) == (401, "Bearer")
    assert ('error="invalid_token"' in challenge) == (caller != "no token")
    assert_untouched(todo_process, owned)


@every_route
@pytest.mark.parametrize("other_scopes", ["", "openid", "the other one"])
def test_missing_scope_is_403_and_named(
    todo_process: TodoProcess, owned: Owned, route: Route, other_scopes: str
) -> None:
    """RFC 6750 §3.1: insufficient_scope."""
    scope = ({READ, WRITE} - {route.scope}).pop() if other_scopes == "the other one" else other_scopes
    client = todo_process.client(todo_process.issuer.token(sub=owned.user_id, scope=scope))
    response = route.request(client, owned)
    assert response.status_code == 403
    challenge = response.headers["WWW-Authenticate"]
    assert 'error="insufficient_scope"' in challenge
    assert f'scope="{route.scope}"' in challenge
    assert_untouched(todo_process, owned)


@every_route
def test_other_user_gets_at_nothing(todo_process: TodoProcess, owned: Owned, route: Route) -> None:
    """Rule R5 of todo-service/VERIFIER.md. The answer has no Bearer error, because the token is valid."""
    client = todo_process.client(todo_process.issuer.token(sub=f"other-{uuid.uuid4().hex}"))
    response = route.request(client, owned)
    assert response.status_code == route.other_user
    assert "WWW-Authenticate" not in response.headers
    assert_untouched(todo_process, owned)


@every_route
def test_owner_succeeds(todo_process: TodoProcess, owned: Owned, route: Route) -> None:
    client = todo_process.client(todo_process.issuer.token(sub=owned.user_id))
    assert route.request(client, owned).status_code == route.owner


@every_route
def test_genuine_tokens_through_the_gateway(stack: Stack, issuer: Issuer, accounts: Accounts, route: Route) -> None:
    """The same with tokens of the real issuer; a token of another issuer is refused."""
    user_id, owner, other = accounts
    owned = _made(user_id, owner)
    foreign = stack.client(headers=bearer(issuer.token(sub=user_id, iss=stack.url, aud=f"{stack.url}/api/v1")))
    for status, client in ((401, stack.client()), (401, foreign), (route.other_user, other), (route.owner, owner)):
        assert route.request(client, owned).status_code == status
