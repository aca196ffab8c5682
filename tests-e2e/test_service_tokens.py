"""A service as a client: the operator registers it, and it gets tokens of its own and owns its own todos."""

import json
import time
import uuid
from dataclasses import dataclass
from typing import Any

import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from e2e_fixtures.people import Person, bearer
from e2e_fixtures.stack import Stack
from e2e_fixtures.waiting import wait_until

TODOS = "/api/v1/todos"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
KEY = ec.generate_private_key(ec.SECP256R1())


@dataclass(frozen=True)
class ServiceClient:
    """The JSON that `./run.py auth clients create` printed, with an HTTP client of the gateway."""

    stack: Stack
    registered: dict[str, Any]

    @property
    def id(self) -> str:
        client_id: str = self.registered["client_id"]
        return client_id

    def ask(self, **further: str) -> httpx2.Response:
        """Request a token with the authentication method that the service was registered with."""
        form = {"grant_type": "client_credentials", **further}
        if "client_secret" in self.registered:
            auth = (self.id, self.registered["client_secret"])
            return self.stack.client().post("/oauth/token", data=form, auth=auth)
        proof = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": self.assertion()}
        return self.stack.client().post("/oauth/token", data={**proof, **form})

    def assertion(self) -> str:
        now = int(time.time())
        claims = {"iss": self.id, "sub": self.id, "aud": self.stack.url, "iat": now, "exp": now + 60}
        return jwt.encode({**claims, "jti": uuid.uuid4().hex}, KEY, "ES256")

    def api(self, **further: str) -> httpx2.Client:
        response = self.ask(**further)
        assert response.status_code == 200, response.text
        return self.stack.client(headers=bearer(response.json()["access_token"]))


METHODS: dict[str, dict[str, Any]] = {
    "secret": {},
    "key": {
        "token_endpoint_auth_method": "private_key_jwt",
        "jwks": {"keys": [{**ECAlgorithm.to_jwk(KEY.public_key(), as_dict=True), "key_ops": ["verify"]}]},
    },
}


@pytest.fixture(scope="module", params=METHODS)
def robot(stack: Stack, request: pytest.FixtureRequest) -> ServiceClient:
    """One client for all tests; each test deletes its own todos."""
    return register(stack, **METHODS[request.param])


def register(stack: Stack, **metadata: Any) -> ServiceClient:
    """Register a client: its metadata goes in as JSON, and the client comes out as JSON."""
    asked = {
        "client_name": "Robot",
        "grant_types": ["client_credentials"],
        "scope": "todos:read todos:write",
        "default_resource": f"{stack.url}/api/v1",
        **metadata,
    }
    created = stack.checkout.run("auth", "clients", "create", stdin=json.dumps(asked))
    assert created.returncode == 0, created.stderr
    return ServiceClient(stack, json.loads(created.stdout))


def test_a_service_uses_the_api_as_itself(robot: ServiceClient) -> None:
    api = robot.api()
    made = api.post(TODOS, json={"title": "Rotate the logs"})
    assert made.status_code == 201, made.text
    assert [todo["id"] for todo in api.get(TODOS).json()["items"]] == [made.json()["id"]]
    assert api.get(f"/api/v1/users/{robot.id}/todos").status_code == 200
    assert api.delete(f"{TODOS}/{made.json()['id']}").status_code == 204


def test_a_service_has_nothing_to_do_with_a_persons_todos(robot: ServiceClient, person: Person) -> None:
    """A service's token owns only the service's own todos."""
    api, hers = robot.api(), person.api()
    todo_id = hers.post(TODOS, json={"title": "Mine alone"}).json()["id"]
    assert api.get(TODOS).json()["items"] == []
    for method in ("GET", "PATCH", "DELETE"):
        body = {"title": "Theirs"} if method == "PATCH" else None
        assert api.request(method, f"{TODOS}/{todo_id}", json=body).status_code == 404
        assert api.request(method, f"/api/v1/users/{person.id}/todos/{todo_id}", json=body).status_code == 403
    assert hers.get(f"{TODOS}/{todo_id}").json()["title"] == "Mine alone"
    assert hers.get(f"/api/v1/users/{robot.id}/todos").status_code == 403


def test_a_token_is_for_its_scope_and_its_resource_only(robot: ServiceClient) -> None:
    reader = robot.api(scope="todos:read")
    assert reader.get(TODOS).status_code == 200
    assert reader.post(TODOS, json={"title": "x"}).status_code == 403
    assert robot.api(resource=robot.stack.url).get(TODOS).status_code == 401


def test_a_clients_own_credentials_open_no_api(robot: ServiceClient) -> None:
    own = robot.registered.get("client_secret") or robot.assertion()
    assert robot.stack.client(headers=bearer(own)).get(TODOS).status_code == 401


def test_a_client_that_was_deleted_gets_no_more_tokens(stack: Stack) -> None:
    robot = register(stack)
    assert robot.ask().status_code == 200
    assert stack.checkout.run("auth", "clients", "delete", robot.id, "--yes").returncode == 0
    wait_until(lambda: robot.ask().status_code != 200)  # client rows are cached for five seconds
    response = robot.ask()
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    assert response.headers["WWW-Authenticate"].startswith("Basic ")
    assert response.headers["Cache-Control"] == "no-store"
