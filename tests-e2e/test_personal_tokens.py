"""A person's script: no API takes a personal access token, and what it is exchanged for ends with it everywhere."""

import json

import httpx2

from e2e_fixtures.people import bearer, sign_up
from e2e_fixtures.stack import Stack
from e2e_fixtures.waiting import wait_until

TODOS = "/api/v1/todos"
EXCHANGE = {
    "client_id": "personal",
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "subject_token_type": "urn:x-auth-service:token-type:personal-access-token",
}


def operate(stack: Stack, *command: str) -> str:
    done = stack.checkout.run("auth", *command)
    assert done.returncode == 0, done.stderr
    return done.stdout


def exchanged(stack: Stack, token: str) -> httpx2.Response:
    return stack.client().post("/oauth/token", data={**EXCHANGE, "subject_token": token})


def test_a_script_works_for_its_person_until_the_token_is_revoked(stack: Stack) -> None:
    person = sign_up(stack)
    asked = ("--name", "Nightly", "--resource", f"{stack.url}/api/v1", "--scope", "todos:read todos:write")
    made = json.loads(operate(stack, "tokens", "create", person.email, *asked, "--lifetime", "P1D"))
    token = made["personal_access_token"]
    for path in (TODOS, "/oauth/userinfo"):
        assert stack.client(headers=bearer(token)).get(path).status_code == 401
    assert stack.client(headers=bearer(token)).post("/mcp", json={}).status_code == 401
    answer = exchanged(stack, token).json()
    assert 0 < answer["expires_in"] <= 300
    script = stack.client(headers=bearer(answer["access_token"]))
    assert script.post(TODOS, json={"title": "Buy milk"}).status_code == 201
    assert [each["title"] for each in person.api().get(TODOS).json()["items"]] == ["Buy milk"]
    assert script.post("/mcp", json={}).status_code == 401
    refused = script.delete(TODOS)
    assert refused.status_code == 401
    assert 'error="insufficient_user_authentication"' in refused.headers["WWW-Authenticate"]
    operate(stack, "tokens", "revoke", made["id"], "--yes")
    assert exchanged(stack, token).json()["error"] == "invalid_request"
    wait_until(lambda: script.get(TODOS).status_code == 401)


def test_nothing_is_left_of_a_token_when_its_owner_is_gone(stack: Stack) -> None:
    person = sign_up(stack)
    asked = ("--name", "Nightly", "--resource", f"{stack.url}/api/v1", "--scope", "todos:read", "--lifetime", "P1D")
    token = json.loads(operate(stack, "tokens", "create", person.email, *asked))["personal_access_token"]
    script = stack.client(headers=bearer(exchanged(stack, token).json()["access_token"]))
    assert script.get(TODOS).status_code == 200
    operate(stack, "users", "delete", person.email, "--yes")
    assert exchanged(stack, token).json()["error"] == "invalid_request"
    wait_until(lambda: script.get(TODOS).status_code == 401)
