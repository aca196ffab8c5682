"""Headers of every response (rule G11 in README.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from gateway.tests.upstream import Answer

if TYPE_CHECKING:
    from gateway.tests.conftest import RunningGateway, Starter

PATHS = ["/healthz", "/none", "/api/auth/ok", "/api/v1/todos", "/.well-known/jwks.json"]
POLICIES = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_every_response_has_the_policies_once(gateway: RunningGateway, path: str, method: str) -> None:
    response = gateway.request(path, method)
    assert {name: response.values(name) for name in POLICIES} == {name: [value] for name, value in POLICIES.items()}


@pytest.mark.parametrize("name", ["Referrer-Policy", "Content-Security-Policy"])
def test_policy_of_a_page_is_left_alone(gateway: RunningGateway, name: str) -> None:
    gateway.auth.answers["/api/auth/ok"] = Answer(headers={name: "its-own"})
    assert gateway.request("/api/auth/ok").values(name) == ["its-own"]


@pytest.mark.parametrize(("given", "expected"), [({}, ["no-store"]), ({"Cache-Control": "private"}, ["private"])])
def test_what_is_not_called_cacheable_is_not(
    gateway: RunningGateway, given: dict[str, str], expected: list[str]
) -> None:
    gateway.todo.answers["/api/v1/todos"] = Answer(headers=given)
    assert gateway.request("/api/v1/todos").values("Cache-Control") == expected


def test_server_says_neither_its_version_nor_the_services(gateway: RunningGateway) -> None:
    gateway.todo.answers["/api/v1/todos"] = Answer(headers={"Server": "uvicorn", "X-Powered-By": "us"})
    response = gateway.request("/api/v1/todos")
    assert (response.values("Server"), response.values("X-Powered-By")) == (["nginx"], [])


def test_transport_security_is_demanded_of_https_issuers_only(gateway: RunningGateway, starter: Starter) -> None:
    """RFC 6797 §7.2. Not for `localhost`: the header applies to every port of a host."""
    with starter.start(issuer="https://localhost:8443") as local:
        headers = {"Host": "localhost:8443"}
        assert local.request("/healthz", headers=headers).values("Strict-Transport-Security") == []
    assert gateway.request("/healthz").values("Strict-Transport-Security") == []
    with starter.start(issuer="https://id.example.com") as secure:
        for path in ("/healthz", "/none"):
            response = secure.request(path, headers={"Host": "id.example.com"})
            assert response.values("Strict-Transport-Security") == ["max-age=31536000"]


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 429, 500, 503])
@pytest.mark.parametrize("path", ["/api/auth/ok", "/api/v1/todos"])
def test_error_of_a_service_passes_as_it_is(gateway: RunningGateway, path: str, status: int) -> None:
    own = {"WWW-Authenticate": "Bearer", "Retry-After": "17", "X-Retry-After": "17", "Content-Type": "text/x-own"}
    for service in (gateway.auth, gateway.todo):
        service.answers[path] = Answer(status, own, b"its own words")
    response = gateway.request(path)
    assert (response.status, response.body) == (status, b"its own words")
    assert {name: response.values(name) for name in own} == {name: [value] for name, value in own.items()}


def test_empty_answer_stays_empty(gateway: RunningGateway) -> None:
    """A Better Auth server answers an unknown path with a 404 without body and content type."""
    gateway.auth.answers["/api/auth/unknown"] = Answer(404)
    response = gateway.request("/api/auth/unknown")
    assert (response.status, response.body, response.values("Content-Type")) == (404, b"", [])
