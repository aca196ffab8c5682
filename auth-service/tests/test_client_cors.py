"""CORS for clients' own pages: without credentials, and not at the authorization endpoint."""

import httpx2
import pytest

from .code_flow import REDIRECT_URI, register_frontend, sign_up
from .conftest import Service
from .test_clients import done

ORIGIN = "https://app.example.com"
PATHS = ("/oauth/token", "/oauth/userinfo", "/oauth/revoke", "/oauth/par", "/oauth/device_authorization")


def preflight(service: Service, path: str, origin: str = ORIGIN) -> httpx2.Response:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    return httpx2.options(f"{service.url}{path}", headers=headers)


@pytest.mark.parametrize("path", PATHS)
def test_a_clients_page_may_ask(service: Service, path: str) -> None:
    register_frontend(service)
    allowed = preflight(service, path)
    assert allowed.status_code == 204
    assert allowed.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert allowed.headers["Access-Control-Allow-Methods"] == "GET, POST"
    assert allowed.headers["Access-Control-Allow-Headers"] == "authorization, content-type, dpop"
    assert "Origin" in allowed.headers["Vary"]
    assert "Access-Control-Allow-Credentials" not in allowed.headers


@pytest.mark.parametrize("path", PATHS)
def test_a_clients_page_reads_refusals_too(sqlite_service: Service, path: str) -> None:
    register_frontend(sqlite_service)
    refused = httpx2.post(f"{sqlite_service.url}{path}", headers={"Origin": ORIGIN}, data={"client_id": "x"})
    assert refused.status_code == 401
    assert refused.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "WWW-Authenticate" in refused.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Credentials" not in refused.headers


def test_a_page_gets_its_tokens(sqlite_service: Service) -> None:
    person, frontend = sign_up(sqlite_service), register_frontend(sqlite_service)
    token = frontend.tokens(person)["access_token"]
    headers = {"Origin": ORIGIN, "Authorization": f"Bearer {token}"}
    told = httpx2.get(f"{sqlite_service.url}/oauth/userinfo", headers=headers)
    assert (told.status_code, told.headers["Access-Control-Allow-Origin"]) == (200, ORIGIN)


STRANGERS = [
    "https://evil.example.com", "http://app.example.com", "https://app.example.com:8443", "https://app.example.com.evil",
    "https://app.example.com/", "https://APP.example.com", "null", "*", "", "x", "https://a b",
]  # fmt: skip


@pytest.mark.parametrize("origin", STRANGERS)
@pytest.mark.parametrize("path", PATHS)
def test_a_strangers_page_is_told_nothing(sqlite_service: Service, path: str, origin: str) -> None:
    register_frontend(sqlite_service)
    refused = httpx2.post(f"{sqlite_service.url}{path}", headers={"Origin": origin}, data={"client_id": "x"})
    for answer in (preflight(sqlite_service, path, origin), refused):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("path", ["/oauth/authorize", "/oauth/introspect", "/oauth/logout"])
def test_elsewhere_there_is_no_cors(sqlite_service: Service, path: str) -> None:
    """RFC 9700 §2.6."""
    register_frontend(sqlite_service)
    for answer in (
        preflight(sqlite_service, path),
        httpx2.get(f"{sqlite_service.url}{path}", headers={"Origin": ORIGIN}),
        httpx2.post(f"{sqlite_service.url}{path}", headers={"Origin": ORIGIN}),
    ):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_an_origin_comes_and_goes_with_its_clients(service: Service) -> None:
    client_id = register_frontend(service).client_id
    other = register_frontend(service, redirect_uris=["http://localhost:5173/cb", "https://[2001:db8::1]:444/"])
    origins = (ORIGIN, "http://localhost:5173", "https://[2001:db8::1]:444")
    assert [is_allowed(service, origin) for origin in origins] == [True, True, True]
    shown = done(service, "show", other.client_id)
    done(service, "update", other.client_id, stdin={**shown, "redirect_uris": [REDIRECT_URI]})
    done(service, "delete", client_id, "--yes")
    service.clock.advance(seconds=5)
    assert [is_allowed(service, origin) for origin in origins] == [True, False, False]
    done(service, "delete", other.client_id, "--yes")
    service.clock.advance(seconds=5)
    assert not is_allowed(service, ORIGIN)


def is_allowed(service: Service, origin: str) -> bool:
    return "Access-Control-Allow-Origin" in preflight(service, "/oauth/token", origin).headers
