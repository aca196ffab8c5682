"""APIs beside the one of the set-up, clients of them, and what a token request was answered with."""

import json
from typing import Any

import httpx2
import pytest

from .browser import Browser, signed_in
from .code_flow import Frontend, register_frontend
from .conftest import Service
from .oauth_client import OAuthClient, claims_of

BILLING, REPORTS = "https://api.example.com/billing", "https://api.example.com/reports"
APIS: list[dict[str, Any]] = [
    {
        "resource": BILLING,
        "name": "Billing",
        "scopes": {"billing:read": "See your invoices", "billing:pay": "Pay them"},
    },
    {"resource": REPORTS, "name": "Reports", "scopes": {"reports:read": "Read reports"}, "access_token_ttl": "PT1M"},
]
SCOPE = "openid email offline_access todos:read billing:read billing:pay reports:read"


@pytest.fixture
def apis(service: Service) -> Service:
    make_apis(service)
    return service


def make_apis(service: Service) -> None:
    for api in APIS:
        done = service.command("resources", "create", stdin=json.dumps(api))
        assert done.returncode == 0, done.stderr
    service.forget()


def told(response: httpx2.Response) -> tuple[str, str | None]:
    """The audience and the scope of the token; or the error, and the status as text."""
    body = response.json()
    if response.status_code != 200:
        assert response.status_code == 400, response.text
        return body["error"], None
    claims = claims_of(body["access_token"])
    assert claims.get("scope") == body.get("scope")
    return claims["aud"], claims.get("scope")


def frontend_of(service: Service, **changes: Any) -> Frontend:
    return register_frontend(service, **{"scope": SCOPE, "first_party": True, **changes})


def code_of(service: Service, frontend: Frontend, browser: Browser | None = None, **asked: Any) -> str:
    code: str = (browser or signed_in(service)).authorize(frontend, **asked).answer["code"]
    return code


def is_active(client: OAuthClient, token: str) -> bool:
    url, auth = f"{client.service.url}/oauth/introspect", (client.client_id, client.secret)
    active: bool = httpx2.post(url, data={"token": token}, auth=auth).json()["active"]
    return active
