"""Each listed path reaches its service, and no other path reaches any (rules G2 and G18 in README.md)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from gateway.tests.conftest import RunningGateway

AUTH = [
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/.well-known/jwks.json",
    "/api/auth",
    "/api/auth/",
    "/api/auth/ok",
    "/api/auth/sign-in/email",
    "/api/auth/unknown/thing",
    "/api/auth//ok",
    "/api/auth/get-session?disableCookieCache=true",
    "/oauth/token",
    "/oauth/status-lists",
    "/oauth/status-lists/1?v=2",
    "/oauth/status-lists/1790000000-12",
    "/oauth/userinfo",
    "/oauth/introspect",
    "/oauth/revoke",
    "/oauth/par",
    "/oauth/device_authorization",
    "/oauth/register",
    "/oauth/register/client_0",
    "/oauth/authorize?client_id=a&redirect_uri=https%3A%2F%2Fapp.example.com%2Fcallback",
    "/oauth/logout",
    "/signin?authorization_request=abc",
    "/signup",
    "/select-account",
    "/consent",
    "/device?user_code=BCDF-GHJK",
    "/signout",
    "/reset-password?token=abc",
    "/verify-email?token=abc",
    "/account?change=password",
    "/account/change",
    "/confirm?token=abc",
    "/personal-tokens",
    "/recovery",
    "/.well-known/change-password",
    "/pages/style-0123456789abcdef.css",
    "/.well-known/webauthn",
    "/passkeys",
    "/pages/passkeys-0123456789abcdef.js",
    "/pages/fields-0123456789abcdef.js",
    "/pages/brand-0123456789abcdef.css",
    "/pages/logo-0123456789abcdef.svg",
]
TODO = [
    "/.well-known/oauth-protected-resource/api/v1",
    "/.well-known/oauth-protected-resource/mcp",
    "/api/v1/todos",
    "/api/v1/todos/",
    "/api/v1/todos?cursor=a%2Fb//../c",
    "/api/v1/todos/0198/complete",
    "/api/v1/todos:batch",
    "/api/v1/changes",
    "/api/v1/events",
    "/api/v1/users/u1/events",
    "/api/v1/lists",
    "/api/v1/lists/0198/restore",
    "/api/v1/lists/0198/members/me",
    "/api/v1/invitations/accept",
    "/api/v1/users/u1/export",
    "/api/v1/users/u1/todos",
    "/api/v1/users/u1/todos/0198",
    "/api/v1/users/a%20b%3F/todos",
    "/",
    "/?show=open",
    "/sign-in?returnTo=%2Fsettings",
    "/sign-up",
    "/settings",
    "/invitation",
    "/assets/index-BD20I43i.js",
    "/favicon.svg",
    "/service-worker.js",
]
UNLISTED = [
    "/oauth/status-lists/",
    "/oauth/status-lists/x",
    "/oauth/status-lists/1/2",
    "/oauth/status-lists/1-2-3",
    "/oauth/status-lists/-2",
    "/oauth/status-lists/1790000000-",
    "/oauth/status-lists/9999999999",
    "/oauth/status-lists/1790000000000000-1",
    "/internal/status-list-hints",
    "/sign-in/",
    "/settings/x",
    "/assets",
    "/assets/",
    "/assets/a/b.js",
    "/favicon.ico",
    "/index.html",
    "/livez",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/docs",
    "/admin",
    "/oauth",
    "/oauth/",
    "/oauth/token/",
    "/oauth/tokens",
    "/oauth/userinfo/",
    "/oauth/revoked",
    "/oauth/par/",
    "/oauth/device_authorization/",
    "/oauth/registered",
    "/oauth/register/",
    "/oauth/register/a/b",
    "/oauth/register/a-b",
    "/OAUTH/token",
    "/oauth/authorize/",
    "/oauth/authorized",
    "/signin/",
    "/signins",
    "/pages/",
    "/pages/style-x.css.map",
    "/pages/passkeys-x.js",
    "/pages/style-0123.html",
    "/pages/logo-0123.html",
    "/healthz/",
    "/Healthz",
    "/api",
    "/api/",
    "/api/v1",
    "/api/v1/",
    "/api/v1/listsx",
    "/api/v1/todosx",
    "/api/v1/users/u1",
    "/api/v1/users//todos",
    "/api/v1/users/u1/u2/todos",
    "/api/v2/todos",
    "/api/authx",
    "/API/auth/ok",
    "/api/AUTH/ok",
    "/.well-known/",
    "/.well-known/jwks.json/",
    "/.well-known/openid-configuration/api/v1",
    "/.well-known/oauth-protected-resource",
    "/.well-known/oauth-protected-resource/api/v1/",
    "/.git/config",
]
HOSTILE = [
    "//livez",
    "//api/auth/ok",
    "///livez",
    "//localhost/livez",
    "/livez//api/auth/ok",
    "/api//v1/todos",
    "/api/v1/todos//livez",
    "/api/auth/../../livez",
    "/api/auth/../auth/ok",
    "/api/auth/./ok",
    "/api/auth/..",
    "/api/auth/%2e%2e/%2e%2e/livez",
    "/api/auth/.%2E/ok",
    "/livez/../api/auth/ok",
    "/api/v1/todos%2flivez",
    "/api/v1/todos/..%2f..%2f..%2flivez",
    "/api/v1/todos/%2e%2e%2f%2e%2e%2f%2e%2e%2flivez",
    "/api/v1/users/..%2f..%2f../livez/todos",
    "/api/v1/users/%2e%2e/todos",
    "/api/v1/todos/..%5c..%5clivez",
    "/api/v1/todos/..\\..\\livez",
    "/livez;/../api/auth/ok",
    "/livez%3F/../api/auth/ok",
    "/livez#/../../api/auth/ok",
    "/%6civez",
    "/signin%0a",
    "/api/auth/ok%0D%0Ax",
    "/api/v1/todos/%1F",
    "/api/v1/todos/%7f",
    "/api/v1/todos/%01?limit=1",
]


@pytest.mark.parametrize("path", AUTH)
def test_route_reaches_auth_service_as_it_was_spelled(gateway: RunningGateway, path: str) -> None:
    posted = "/oauth/(token|introspect|revoke|par$|device_authorization$|register$)"
    method = "POST" if re.match(posted, path) else "GET"
    assert gateway.request(path, method).status == 200
    assert gateway.auth.paths == [path]
    assert gateway.todo.paths == []


@pytest.mark.parametrize("path", TODO)
def test_route_reaches_todo_service_as_it_was_spelled(gateway: RunningGateway, path: str) -> None:
    assert gateway.request(path).status == 200
    assert gateway.todo.paths == [path]
    assert gateway.auth.paths == []


def test_messages_of_agents_reach_todo_service_and_nothing_else_does_at_their_path(gateway: RunningGateway) -> None:
    assert [gateway.request("/mcp", method).status for method in ("POST", "GET", "DELETE")] == [200, 405, 405]
    assert gateway.todo.paths == ["/mcp"]
    assert gateway.request("/mcp/").status == gateway.request("/mcp/x").status == 404


@pytest.mark.parametrize("path", UNLISTED + HOSTILE)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_anything_else_is_404_and_reaches_no_service(gateway: RunningGateway, path: str, method: str) -> None:
    response = gateway.request(path, method)
    assert response.status == 404
    assert response.json()["status"] == 404
    assert gateway.auth.paths + gateway.todo.paths == []


@pytest.mark.parametrize("path", ["/livez%2f..%2f..%2fapi%2fauth%2fok", "/../livez", "/api/auth/%00", "/%zz"])
def test_path_that_is_none_is_a_bad_request(gateway: RunningGateway, path: str) -> None:
    response = gateway.request(path)
    assert response.status == 400
    assert response.json()["title"] == "Bad Request"
    assert gateway.auth.paths + gateway.todo.paths == []


def test_a_query_may_have_control_characters(gateway: RunningGateway) -> None:
    assert gateway.request("/api/v1/todos?q=%0a%7f").status == 200
    assert gateway.todo.paths == ["/api/v1/todos?q=%0a%7f"]


def test_doubly_encoded_path_is_not_decoded_twice(gateway: RunningGateway) -> None:
    assert gateway.request("/api/v1/todos/%252e%252e%252flivez").status == 200
    assert gateway.todo.paths == ["/api/v1/todos/%252e%252e%252flivez"]


def test_absolute_target_is_routed_by_its_path(gateway: RunningGateway) -> None:
    """RFC 9112 §3.2.2."""
    request = f"GET http://{gateway.host}{{}} HTTP/1.1\r\nHost: {gateway.host}\r\n\r\n"
    assert gateway.raw(request.format("/livez").encode()).status == 404
    assert gateway.raw(request.format("/api/auth/ok").encode()).status == 200
    assert gateway.auth.paths == ["/api/auth/ok"]


def test_health_is_the_gateways_own(gateway: RunningGateway) -> None:
    response = gateway.request("/healthz")
    assert (response.status, response.json()) == (200, {"status": "ok"})
    assert response.values("Content-Type") == ["application/json"]


@pytest.mark.parametrize(
    "host", ["evil.example.com", "localhost", "localhost:1", "localhost.evil.example.com:{port}", "127.0.0.2:{port}"]
)
def test_unknown_host_is_misdirected(gateway: RunningGateway, host: str) -> None:
    """RFC 9110 §15.5.20."""
    response = gateway.request("/api/auth/ok", headers={"Host": host.format(port=gateway.port)})
    assert response.status == 421
    assert gateway.auth.paths == []


def test_host_must_be_named(gateway: RunningGateway) -> None:
    """RFC 9112 §3.2."""
    assert gateway.raw(b"GET /api/auth/ok HTTP/1.1\r\n\r\n").status == 400
    assert gateway.raw(b"GET /api/auth/ok HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").status == 400
    assert gateway.raw(b"GET /api/auth/ok HTTP/1.0\r\n\r\n").status == 421
    assert gateway.auth.paths == []


@pytest.mark.parametrize("host", ["localhost:{port}", "LOCALHOST:{port}", "127.0.0.1:{port}"])
def test_every_name_of_the_listening_port_is_known(gateway: RunningGateway, host: str) -> None:
    assert gateway.request("/api/auth/ok", headers={"Host": host.format(port=gateway.port)}).status == 200


def test_target_that_names_another_host_than_the_header_is_misdirected(gateway: RunningGateway) -> None:
    """RFC 9112 §3.2.2: the host in the request line has precedence over the header. Both must be known."""
    for target, host in (("evil.example.com", gateway.host), (gateway.host, "evil.example.com")):
        sent = f"GET http://{target}/api/auth/ok HTTP/1.1\r\nHost: {host}\r\n\r\n"
        assert gateway.raw(sent.encode()).status == 421
    assert gateway.auth.paths == []
