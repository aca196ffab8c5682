"""The access log: one JSON object per line, without any secret (rule G8 in README.md)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from gateway.limits import Limit, Limits
from gateway.tests.conftest import deaf_port

if TYPE_CHECKING:
    from gateway.tests.conftest import RunningGateway, Starter

SECRET = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
CARRIERS = {"Authorization": f"Bearer {SECRET}", "Cookie": f"s={SECRET}", "Referer": f"http://x/?t={SECRET}"}


def entries(gateway: RunningGateway) -> list[dict[str, Any]]:
    return [json.loads(line) for line in gateway.log.splitlines()]


def test_line_says_what_happened(starter: Starter) -> None:
    with starter.start() as gateway:
        gateway.request('/api/v1/todos/a"b', headers={"X-Request-ID": "request-1"}, source="127.0.0.7")
    [entry] = entries(gateway)
    assert entry["request_id"] == "request-1"
    assert (entry["http.request.method"], entry["url.path"]) == ("GET", '/api/v1/todos/a"b')
    assert (entry["http.response.status_code"], entry["upstream_status"]) == (200, "200")
    assert (entry["client.address"], entry["service.name"]) == ("127.0.0.7", "gateway")
    assert entry["duration_s"] >= 0


@pytest.mark.parametrize(
    ("sent", "logged"),
    [
        (b"/api/v1/todos/%c2%9b31m", "/api/v1/todos/%c2%9b31m"),  # C1: CSI, by which a terminal changes its colours
        (b"/api/v1/todos/%9b31m", "/api/v1/todos/%9b31m"),
        (b"/api/v1/todos/%1b[31m%7f", "/api/v1/todos/%1b[31m%7f"),
        (b"/api/v1/todos/%C3%A4?q=%9b", "/api/v1/todos/%C3%A4"),
        (b"/api/v1/todos/\xc2\x9b31m", ""),
        (b"/none/%c2%9b31m", "/none/%c2%9b31m"),
        (b"/none/%c2%9b31m?a?b", "/none/%c2%9b31m"),
    ],
)
def test_no_control_character_is_written_raw(starter: Starter, sent: bytes, logged: str) -> None:
    """A log is read in terminals, which obey C0 and C1 control characters."""
    with starter.start() as gateway:
        gateway.raw(b"GET " + sent + b" HTTP/1.1\r\nHost: " + gateway.host.encode() + b"\r\n\r\n")
        written = (gateway.folder / "gateway.log").read_bytes()
    assert re.findall(rb"[^\x20-\x7e\n]", written) == []
    assert [entry["url.path"] for entry in entries(gateway)] in ([logged], ["/__400"])


def test_log_that_is_full_costs_nobody_an_answer(starter: Starter) -> None:
    with starter.start(access_log="/dev/full") as gateway:
        assert gateway.statuses(5, "/api/v1/todos", source="127.0.0.1") == [200] * 5


def test_no_secret_is_written_whatever_goes_wrong(starter: Starter) -> None:
    """nginx's own error log would contain the request line of each refused or failed request."""
    limits = Limits({"api": Limit("1r/m", 1)})
    with deaf_port() as port, starter.start(limits=limits, todo_upstream=f"127.0.0.1:{port}") as gateway:
        for path in ("/api/v1/todos", "/api/auth/ok", "/none", "/.well-known/jwks.json", "//livez", "/%zz"):
            for _ in range(3):
                gateway.request(f"{path}?access_token={SECRET}", headers=CARRIERS)
        gateway.request(f"/api/auth/ok?token={SECRET}", "POST", CARRIERS, body=b"x" * 262145)
        gateway.raw(f"GET /?{SECRET} HTTP/1.1\r\nHost: {SECRET}\r\n\r\n".encode())
        gateway.raw(f"GET /?{SECRET}{'x' * 9000} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        gateway.raw(f"GET /?{SECRET} HTTP/1.1\r\nHost: x\r\nX: {'x' * 17000}\r\n\r\n".encode())
    assert {entry["http.response.status_code"] for entry in entries(gateway)} >= {
        200,
        400,
        404,
        413,
        414,
        421,
        429,
        431,
        502,
    }
    assert "eyJ" not in gateway.log
