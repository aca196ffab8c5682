"""Passkeys added and used by the Better Auth protocol, with an authenticator in software."""

from typing import Any

import httpx2

from .authenticator import Credential, make_credential
from .conftest import Service

ANN, BOB = "ann@example.com", "bob@example.com"


def refusal(response: httpx2.Response) -> tuple[int, str]:
    return response.status_code, response.json()["code"]


def creation(client: httpx2.Client) -> dict[str, Any]:
    answer = client.get("/passkey/generate-register-options")
    assert answer.status_code == 200, answer.text
    options: dict[str, Any] = answer.json()
    return options


def verify_registration(client: httpx2.Client, answer: dict[str, Any], **members: Any) -> httpx2.Response:
    return client.post("/passkey/verify-registration", json={"response": answer, **members})


def register(client: httpx2.Client, **changes: Any) -> Credential:
    """Add a passkey to the account of the client's session."""
    options = creation(client)
    credential = make_credential(options, **changes)
    answer = verify_registration(client, credential.attest(options))
    assert answer.status_code == 200, answer.text
    return credential


def request_options(client: httpx2.Client) -> dict[str, Any]:
    options: dict[str, Any] = client.get("/passkey/generate-authenticate-options").json()
    return options


def authenticate(client: httpx2.Client, answer: dict[str, Any]) -> httpx2.Response:
    return client.post("/passkey/verify-authentication", json={"response": answer})


def sign_in(service: Service, credential: Credential) -> httpx2.Response:
    client = service.client()
    return authenticate(client, credential.sign_in(request_options(client)))


def events(service: Service, event: str) -> int:
    return len(service.rows(f"SELECT 1 FROM audit_events WHERE event = '{event}'"))
