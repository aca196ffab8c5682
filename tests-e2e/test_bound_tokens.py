"""A token that auth-service binds to a client's key opens the todo API for that key only (DPoP, RFC 9449)."""

import json
import time
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pytest

from atjwt.testing import ClientKey
from e2e_fixtures.stack import Stack

TODOS, TOKEN = "/api/v1/todos", "/oauth/token"


def new_key() -> ClientKey:
    return ClientKey(time.time)


@dataclass
class Client:
    """A service with a key. Each answer is its status, and the scheme and the error code of its challenge."""

    stack: Stack
    auth: tuple[str, str]
    key: ClientKey = field(default_factory=new_key)
    nonce: str = ""  # the last that auth-service gave (§8)
    token: str = ""

    def ask(self, **claims: object) -> httpx2.Response:
        """Ask for a token with a proof for that; a claim replaces the proof's."""
        made = {"ath": None, "nonce": self.nonce or None, **claims}
        proof = self.key.proof("", "POST", f"{self.stack.url}{TOKEN}", **made)
        asked = {"grant_type": "client_credentials", "resource": f"{self.stack.url}/api/v1"}
        answer = self.stack.client().post(TOKEN, data=asked, auth=self.auth, headers={"DPoP": proof})
        self.nonce = answer.headers.get("DPoP-Nonce", self.nonce)
        return answer

    def proof(self, method: str = "GET", path: str = TODOS, **claims: object) -> str:
        return self.key.proof(self.token, method, f"{self.stack.url}{path}", **claims)

    def call(self, *proofs: str, method: str = "GET", scheme: str = "DPoP", **body: Any) -> tuple[int, str]:
        sent = [("Authorization", f"{scheme} {self.token}"), *(("DPoP", proof) for proof in proofs)]
        answer = self.stack.client().request(method, TODOS, headers=sent, **body)
        challenge = answer.headers.get("WWW-Authenticate", "").partition(",")[0]
        return answer.status_code, challenge.replace('error="', "").rstrip('"')


@pytest.fixture(scope="module")
def client(stack: Stack) -> Client:
    """A service whose token is bound to its key."""
    metadata = {"grant_types": ["client_credentials"], "scope": "todos:read todos:write"}
    created = json.loads(stack.checkout.run("auth", "clients", "create", stdin=json.dumps(metadata)).stdout)
    made = Client(stack, (created["client_id"], created["client_secret"]))
    assert made.ask().json()["error"] == "use_dpop_nonce"
    answer = made.ask()
    assert (answer.status_code, answer.json()["token_type"]) == (200, "DPoP"), answer.text
    made.token = answer.json()["access_token"]
    return made


def test_each_request_needs_a_new_proof_of_the_key(client: Client) -> None:
    proof = client.proof()
    assert client.call(proof) == (200, "")
    assert client.call(proof) == (401, "DPoP invalid_dpop_proof")
    assert client.call(client.proof("POST"), method="POST", json={"title": "Buy milk"}) == (201, "")
    assert client.call(client.proof()) == (200, "")


def test_a_stolen_token_opens_nothing_without_the_key(client: Client) -> None:
    thief = new_key()
    assert client.call() == (401, "DPoP invalid_dpop_proof")
    assert client.call(scheme="Bearer") == (401, "Bearer invalid_token")
    assert client.call(client.proof(), scheme="Bearer") == (401, "Bearer invalid_token")
    stolen = thief.proof(client.token, "GET", f"{client.stack.url}{TODOS}")
    assert client.call(stolen) == (401, "DPoP invalid_token")


def test_a_stolen_proof_is_good_for_one_request_of_one_token_and_for_half_a_minute(client: Client) -> None:
    now, other = int(time.time()), "eyJ.eyJ.x"
    for proof in (
        client.proof("POST"),
        client.proof(path="/api/v1/lists"),
        client.key.proof(other, "GET", f"{client.stack.url}{TODOS}"),
        client.proof(ath=None),
        client.proof(iat=now - 60),
        client.proof(iat=now + 60),
    ):
        assert client.call(proof) == (401, "DPoP invalid_dpop_proof")
    assert client.call(client.proof(), client.proof()) == (401, "DPoP invalid_dpop_proof")


def test_a_proof_gets_one_token(client: Client) -> None:
    """§11.1."""
    assert client.ask(jti="once").status_code == 200
    answer = client.ask(jti="once")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_dpop_proof")
