"""What the plans for FAPI 2.0 share: the providers under test, two clients with keys of their own, and a refusal."""

import httpx2
import pytest

from e2e_fixtures.certification import account, against, agent
from e2e_fixtures.fapi_client import FapiClient, jwks_of, new_keys
from e2e_fixtures.providers import Ours, Provider
from e2e_fixtures.relying_party import CALLBACK
from e2e_fixtures.waiting import wait_until

__all__ = ["account", "agent", "clients", "other", "provider", "rp"]  # fixtures

METADATA = {
    "client_name": "Certification",
    "profile": "fapi2",
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "redirect_uris": [CALLBACK],
    "scope": "openid profile email offline_access",
    "token_endpoint_auth_method": "private_key_jwt",
    "id_token_signed_response_alg": "ES256",
    "require_pushed_authorization_requests": True,
    "dpop_bound_access_tokens": True,
}
SERVICE = {
    "client_name": "Certification",
    "profile": "fapi2",
    "grant_types": ["client_credentials"],
    "response_types": [],
    "redirect_uris": [],
    "scope": "todos:read",
    "token_endpoint_auth_method": "private_key_jwt",
    "id_token_signed_response_alg": "ES256",  # it gets no ID tokens; the control asks for the member
    "dpop_bound_access_tokens": True,
}

provider = against("post", "fapi2")


@pytest.fixture(scope="module")
def clients(provider: Provider) -> list[FapiClient]:
    """Two clients, each with keys of its own."""
    made = []
    for _ in range(2):
        keys = new_keys()
        made.append(FapiClient(provider, provider.register(**METADATA, jwks=jwks_of(keys)), keys))
    if isinstance(provider, Ours):
        sign_by_es256(provider, made[0])
    return made


def sign_by_es256(ours: Ours, client: FapiClient) -> None:
    """Let the first key of ES256, which the registration has made, sign at once and not in an hour."""

    def published() -> int:
        keys = client.http.get(client.metadata["jwks_uri"]).json()["keys"]
        return len([key for key in keys if key["alg"] == "ES256"])

    if published() < 2:  # the active one and a spare: another module was here before
        rotated = ours.stack.checkout.run("auth", "keys", "rotate", "--alg", "ES256", "--now")
        assert rotated.returncode == 0, rotated.stderr
        wait_until(lambda: published() >= 2)


@pytest.fixture
def rp(clients: list[FapiClient]) -> FapiClient:
    return clients[0]


@pytest.fixture
def other(clients: list[FapiClient]) -> FapiClient:
    return clients[1]


def is_refused(response: httpx2.Response, *errors: str) -> bool:
    """A refusal of RFC 6749 §5.2: JSON with one of these errors; 401 only for a client that is not authenticated."""
    assert response.headers["Content-Type"].partition(";")[0] == "application/json"
    error = response.json()["error"]
    assert response.status_code in ((400, 401) if error == "invalid_client" else (400,)), response.text
    assert set(response.json().get("error_description", "")) <= {chr(code) for code in range(32, 127)} - {'"', "\\"}
    return error in errors
