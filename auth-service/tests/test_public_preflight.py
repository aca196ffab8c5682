"""Public documents: any origin may read them, with any request header field (the Fetch standard's CORS protocol)."""

import httpx2
import pytest

from .conftest import Service

PUBLIC = [
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/.well-known/jwks.json",
    "/api/auth/jwks",
    "/oauth/status-lists",
    "/oauth/status-lists/1",
]


@pytest.mark.parametrize("path", PUBLIC)
@pytest.mark.parametrize("asked", ["authorization", "x-anything,authorization,if-none-match", None])
def test_preflight_allows_any_origin_and_field(sqlite_service: Service, path: str, asked: str | None) -> None:
    headers = {"Origin": "https://anywhere.example.net", "Access-Control-Request-Method": "GET"}
    headers |= {"Access-Control-Request-Headers": asked} if asked else {}
    answer = httpx2.options(f"{sqlite_service.url}{path}", headers=headers)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers.get("Access-Control-Allow-Headers") == asked
    assert "GET" in answer.headers["Access-Control-Allow-Methods"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("path", [*PUBLIC, "/oauth/status-lists/99999999"])
def test_any_origin_may_read_the_answer(sqlite_service: Service, path: str) -> None:
    """That includes a 404: otherwise a page could not tell it from a network failure."""
    answer = httpx2.get(f"{sqlite_service.url}{path}", headers={"Origin": "https://anywhere.example.net"})
    assert answer.headers.get_list("Access-Control-Allow-Origin") == ["*"]
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("path", PUBLIC)
def test_options_without_a_preflight_names_the_methods(sqlite_service: Service, path: str) -> None:
    answer = httpx2.options(f"{sqlite_service.url}{path}")
    assert (answer.status_code, answer.headers["Allow"]) == (204, "GET, HEAD, OPTIONS")
