"""Addresses that look like a known one, and queries of thousands of parameters, reach no endpoint."""

import pytest
from fastapi.routing import APIRoute

from auth_service.serving.routes import PAGE_PATHS, ROUTES

from .conftest import Service

PATHS = sorted({route.path for route in ROUTES if isinstance(route, APIRoute)} - {"/internal/status-list-hints"})
ANY_ID = "/api/auth/callback/{upstream_id}"  # tells nobody which ids there are


@pytest.mark.parametrize("path", [*PATHS, "/openapi.json"])
@pytest.mark.parametrize("ending", ["%0a", "%0d", "%0d%0a", "%0a%0a", "%00", "%20"])
def test_a_path_with_a_line_break_at_its_end_is_unknown(sqlite_service: Service, path: str, ending: str) -> None:
    """`$` in a route's pattern also matches before a line break."""
    client = sqlite_service.client()
    for method in ("GET", "POST"):
        response = client.request(method, f"{sqlite_service.url}{path}{ending}")
        is_an_id = "{" in path and "%0a" not in ending
        refusal = 400 if path == ANY_ID else 405 if method == "POST" else 404
        assert response.status_code == (refusal if is_an_id else 404)


@pytest.mark.parametrize("path", PATHS)
def test_a_query_of_thousands_of_parameters_is_refused(sqlite_service: Service, path: str) -> None:
    response = sqlite_service.client().get(f"{sqlite_service.url}{path}?{'&'.join(['a=b'] * 5_000)}")
    assert response.status_code == 400
    if path in PAGE_PATHS:
        assert 'id="error-title"' in response.text
    else:
        assert response.json() == {"message": "Bad Request", "code": "BAD_REQUEST"}


def test_a_known_path_is_still_served(sqlite_service: Service) -> None:
    query = "&".join(["a=b"] * 100)
    assert sqlite_service.client().get(f"{sqlite_service.url}/livez?{query}").status_code == 200
