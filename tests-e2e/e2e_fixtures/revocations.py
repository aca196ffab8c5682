"""Ways to end access, each with a token that the API accepts until then."""

import json
from collections.abc import Callable
from dataclasses import dataclass

import httpx2

from e2e_fixtures.people import bearer, sign_up
from e2e_fixtures.stack import Stack

TODOS = "/api/v1/todos"


@dataclass(frozen=True)
class Revocable:
    """`end` returns when the issuer has acknowledged it."""

    api: httpx2.Client
    token: str
    end: Callable[[], object]

    def status(self) -> int:
        return self.api.get(TODOS).status_code


def signed_in(stack: Stack) -> Revocable:
    person = sign_up(stack)
    token = person.token()
    return Revocable(
        stack.client(headers=bearer(token)), token, lambda: _ok(person.browser.post("/api/auth/sign-out", json={}))
    )


def suspended(stack: Stack) -> Revocable:
    person = sign_up(stack)
    token = person.token()
    return Revocable(
        stack.client(headers=bearer(token)), token, lambda: _command(stack, "users", "suspend", person.id, "--yes")
    )


def service(stack: Stack) -> Revocable:
    metadata = {"grant_types": ["client_credentials"], "scope": "todos:read", "default_resource": f"{stack.url}/api/v1"}
    client = json.loads(_command(stack, "clients", "create", stdin=json.dumps(metadata)))
    client_id, secret = client["client_id"], client["client_secret"]
    asked = {"grant_type": "client_credentials"}
    token = _ok(stack.client().post("/oauth/token", data=asked, auth=(client_id, secret))).json()["access_token"]
    return Revocable(
        stack.client(headers=bearer(token)), token, lambda: _command(stack, "clients", "delete", client_id, "--yes")
    )


REVOCATIONS = {"sign-out": signed_in, "suspension": suspended, "client deletion": service}


def _ok(response: httpx2.Response) -> httpx2.Response:
    assert response.status_code == 200, response.text
    return response


def _command(stack: Stack, *arguments: str, stdin: str = "") -> str:
    done = stack.checkout.run("auth", *arguments, stdin=stdin)
    assert done.returncode == 0, done.stderr
    return done.stdout
