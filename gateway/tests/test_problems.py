"""Errors made by the gateway: problem+json (RFC 9457), and readable by a Better Auth client (rule G6 in README.md)."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from gateway.limits import ZONES, Limit, Limits
from gateway.tests.conftest import TRUSTED_ORIGIN, deaf_port
from gateway.tests.upstream import Answer

if TYPE_CHECKING:
    from gateway.tests.conftest import Response, RunningGateway, Starter


def check(response: Response, status: int) -> dict[str, object]:
    assert response.status == status
    assert response.values("Content-Type") == ["application/problem+json"]
    assert response.values("Cache-Control") == ["no-store"]
    assert response.values("X-Content-Type-Options") == ["nosniff"]
    problem: dict[str, object] = response.json()
    assert (problem["type"], problem["status"]) == ("about:blank", status)
    assert problem["title"]
    assert problem["detail"]
    assert [problem["request_id"]] == response.values("X-Request-ID")
    return problem


def request(line: str, *headers: str) -> bytes:
    return "\r\n".join([line, *headers, "", ""]).encode()


def both_at(port: int) -> dict[str, str]:
    return {"auth_upstream": f"127.0.0.1:{port}", "todo_upstream": f"127.0.0.1:{port}"}


def malformed(host: str) -> dict[str, tuple[int, bytes]]:
    named = f"Host: {host}"
    long = "x" * 9000
    return {
        "no HTTP at all": (400, b"\x16\x03\x01\r\n\r\n"),
        "header without a name": (400, request("GET / HTTP/1.1", named, ": value")),
        "two lengths": (400, request("POST /api/auth/ok HTTP/1.1", named, "Content-Length: 1", "Content-Length: 2")),
        "length and coding": (
            400,
            request("POST /api/auth/ok HTTP/1.1", named, "Content-Length: 1", "Transfer-Encoding: chunked"),
        ),
        "length that is none": (400, request("POST /api/auth/ok HTTP/1.1", named, "Content-Length: -1")),
        "chunk that is none": (
            400,
            request("POST /api/auth/ok HTTP/1.1", named, "Transfer-Encoding: chunked") + b"xyz\r\n",
        ),
        "coding unknown": (501, request("POST /api/auth/ok HTTP/1.1", named, "Transfer-Encoding: br")),
        "version unknown": (505, request("GET / HTTP/3.0", named)),
        "TRACE": (405, request("TRACE /api/auth/ok HTTP/1.1", named)),
        "CONNECT": (405, request("CONNECT /api/auth/ok HTTP/1.1", named)),
        "method unknown": (405, request("FOO /api/auth/ok HTTP/1.1", named)),
        "method of another protocol": (405, request("PROPFIND /api/v1/todos HTTP/1.1", named)),
        "octet that is no ASCII": (400, b"GET /api/auth/\xff HTTP/1.1\r\nHost: " + host.encode() + b"\r\n\r\n"),
        "and in the query": (400, b"GET /api/v1/todos?\xc3\xa4 HTTP/1.1\r\nHost: " + host.encode() + b"\r\n\r\n"),
        "address too long": (414, request(f"GET /{long} HTTP/1.1", named)),
        "header too long": (431, request("GET /api/auth/ok HTTP/1.1", named, f"X-Long: {long * 2}")),
        "headers too many": (431, request("GET / HTTP/1.1", named, *[f"X-{n}: {'y' * 7000}" for n in range(6)])),
        "body said to be too large": (413, request("POST /api/auth/ok HTTP/1.1", named, "Content-Length: 262145")),
        "host unknown": (421, request("GET / HTTP/1.1", "Host: elsewhere")),
    }


@pytest.mark.parametrize("case", malformed(""))
def test_malformed_request_is_a_problem(gateway: RunningGateway, case: str) -> None:
    status, sent = malformed(gateway.host)[case]
    response = gateway.raw(sent)
    check(response, status)
    allowed = ["GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"] if status == 405 else []
    assert response.values("Allow") == allowed  # RFC 9110 §15.5.6
    assert gateway.auth.paths + gateway.todo.paths == []


def test_address_too_long_stays_that_with_any_method(gateway: RunningGateway) -> None:
    check(gateway.raw(request(f"FOO /{'x' * 9000} HTTP/1.1", f"Host: {gateway.host}")), 414)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/api/auth/unknown", "/api/v1/todos"])
def test_method_of_http_is_for_the_service_to_judge(gateway: RunningGateway, method: str, path: str) -> None:
    assert gateway.request(path, method).status == 200
    assert [each["method"] for each in gateway.auth.seen + gateway.todo.seen] == [method]


def test_allow_of_a_service_is_its_own(gateway: RunningGateway) -> None:
    gateway.todo.answers["/api/v1/todos"] = Answer(405, {"Allow": "GET"})
    assert gateway.request("/api/v1/todos", "PUT").values("Allow") == ["GET"]


@pytest.mark.parametrize("path", ["/none", "/api/v1/none", "/api/auth%2fnone"])
def test_unlisted_path_is_a_problem(gateway: RunningGateway, path: str) -> None:
    check(gateway.request(path), 404)


def test_largest_body_passes(gateway: RunningGateway) -> None:
    assert gateway.request("/api/v1/todos", "POST", body=b"x" * 262144).status == 200
    assert gateway.todo.seen[-1]["size"] == 262144


def test_body_that_grows_too_large_is_a_problem(gateway: RunningGateway) -> None:
    head = request("POST /api/v1/todos HTTP/1.1", f"Host: {gateway.host}", "Transfer-Encoding: chunked")
    check(gateway.raw(head + b"40001\r\n" + b"x" * 0x40001 + b"\r\n0\r\n\r\n"), 413)
    assert gateway.todo.paths == []


def test_better_auth_client_finds_a_message(gateway: RunningGateway) -> None:
    response = gateway.request("/api/auth/sign-in/email", "POST", body=b"x" * 262145)
    problem = check(response, 413)
    assert problem["message"] == problem["detail"]
    assert "message" not in check(gateway.request("/api/v1/none"), 404)


@pytest.mark.parametrize("path", ["/api/auth/ok", "/api/v1/todos", "/.well-known/jwks.json"])
def test_service_that_is_down_is_a_problem(starter: Starter, path: str) -> None:
    with deaf_port() as port, starter.start(**both_at(port)) as gateway:
        response = gateway.request(path)
        check(response, 502)
        assert response.values("Retry-After") == ["5"]
        assert response.values("X-Retry-After") == []


def test_service_that_hangs_is_a_problem(impatient: RunningGateway) -> None:
    impatient.todo.answers["/api/v1/todos"] = Answer(delay=10)
    response = impatient.request("/api/v1/todos")
    check(response, 504)
    assert response.values("Retry-After") == ["5"]


def test_service_that_speaks_no_http_is_a_problem(starter: Starter) -> None:
    """Headers before the invalid one are not passed on."""
    listener = socket.create_server(("127.0.0.1", 0))
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    with listener, starter.start(todo_upstream=address) as gateway:
        client = socket.create_connection(("127.0.0.1", gateway.port))
        client.sendall(request("GET /api/v1/todos HTTP/1.1", f"Host: {gateway.host}", "Connection: close"))
        service, _ = listener.accept()
        with client, service:
            service.sendall(b"HTTP/1.1 200 OK\r\nCache-Control: public\r\n\x00: nonsense\r\n\r\n")
            answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 502 ")
    assert b"Cache-Control: no-store" in answer
    assert b"public" not in answer


def test_trusted_origin_may_read_an_error_made_here(starter: Starter) -> None:
    with deaf_port() as port, starter.start(**both_at(port)) as gateway:
        trusted = gateway.request("/api/auth/ok", headers={"Origin": TRUSTED_ORIGIN})
        assert trusted.values("Access-Control-Allow-Origin") == [TRUSTED_ORIGIN]
        assert trusted.values("Access-Control-Allow-Credentials") == ["true"]
        assert "X-Retry-After" in trusted.values("Access-Control-Expose-Headers")[0]
        assert trusted.values("Vary") == ["Origin"]
        for path in ("/api/auth/ok", "/oauth/authorize", "/oauth/introspect", "/oauth/logout", "/signin", "/"):
            response = gateway.request(path, headers={"Origin": "http://evil.example.com"})
            assert response.values("Access-Control-Allow-Origin") == []
            assert response.values("Access-Control-Allow-Credentials") == []


READABLE = [  # each with a method that its service has
    ("GET", "/.well-known/jwks.json"),
    ("GET", "/.well-known/openid-configuration"),
    ("GET", "/.well-known/oauth-protected-resource/api/v1"),
    ("GET", "/.well-known/oauth-protected-resource/mcp"),
    ("GET", "/oauth/status-lists"),
    ("GET", "/oauth/status-lists/1"),
    ("POST", "/oauth/token"),
    ("POST", "/oauth/userinfo"),
    ("POST", "/oauth/revoke"),
    ("POST", "/oauth/par"),
    ("POST", "/oauth/device_authorization"),
    ("POST", "/api/v1/todos"),
    ("POST", "/mcp"),
]


@pytest.mark.parametrize(("method", "path"), READABLE)
def test_error_is_readable_where_the_services_response_can_be(starter: Starter, method: str, path: str) -> None:
    """Otherwise a page could not tell a limit from a network failure. The origins of clients are not known here."""
    limits = Limits({zone.name: Limit("1r/m", 0) for zone in ZONES})
    with deaf_port() as port, starter.start(**both_at(port), limits=limits) as gateway:
        refused = {
            405: gateway.request(path, "PROPFIND", {"Origin": "https://any.example.com"}),
            502: gateway.request(path, method, {"Origin": "https://any.example.com"}),
            413: gateway.request(path, method, {"Origin": "https://any.example.com"}, body=b"x" * 262145),
            429: gateway.request(path, method, {"Origin": "https://any.example.com"}),
        }
    assert {status: answer.status for status, answer in refused.items()} == {status: status for status in refused}
    for answer in refused.values():
        assert answer.values("Access-Control-Allow-Origin") == ["*"]
        assert answer.values("Access-Control-Allow-Credentials") == []
        assert "Retry-After" in answer.values("Access-Control-Expose-Headers")[0]


def test_cors_of_a_service_is_its_own(gateway: RunningGateway) -> None:
    for path in ("/api/auth/ok", "/api/v1/todos", "/.well-known/jwks.json"):
        response = gateway.request(path, headers={"Origin": TRUSTED_ORIGIN})
        assert [name for name in response.headers if name.lower().startswith("access-control")] == []


def test_slow_header_is_cut_off(starter: Starter) -> None:
    """nginx closes such a connection without a response."""
    with starter.start() as gateway:
        gateway.change("nginx.conf", "client_header_timeout 5s;", "client_header_timeout 1s;")
        with socket.create_connection(("127.0.0.1", gateway.port), timeout=60) as client:
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: ")
            with pytest.raises(ConnectionResetError):
                client.recv(1)
