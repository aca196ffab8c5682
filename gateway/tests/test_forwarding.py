"""Headers from client to service and from service to client (rules G3, G9 and G14 in README.md)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from gateway.tests.upstream import Answer, Upstream

if TYPE_CHECKING:
    from gateway.tests.conftest import RunningGateway, Starter

CLAIMS = [
    "Forwarded",
    "X-Forwarded-For",
    "X-Forwarded-Proto",
    "X-Forwarded-Host",
    "X-Real-IP",
    "X-Forwarded-Port",
    "X-Forwarded-Prefix",
    "X-Forwarded-User",
    "X-Client-IP",
    "True-Client-IP",
    "Proxy",
    "X-Original-URL",
    "X-Rewrite-URL",
    "X-HTTP-Method-Override",
    "Remote-User",
    "X-User",
    "X-User-Id",
    "X-User-Email",
    "X-User-Roles",
    "X-JWT-Sub",
    "X-JWT-Claims",
    "X-JWT-Payload",
    "X-Internal-Token",
    "X-Internal-User",
    "X_User_Id",
    "X_Forwarded_For",
]


def forwarded(upstream: Upstream) -> dict[str, list[str]]:
    headers: dict[str, list[str]] = {}
    for name, value in upstream.seen[-1]["headers"]:
        headers.setdefault(name.lower(), []).append(value)
    return headers


@pytest.mark.parametrize("name", CLAIMS)
@pytest.mark.parametrize("path", ["/api/auth/ok", "/api/v1/todos", "/.well-known/jwks.json"])
def test_claims_of_the_client_do_not_pass(gateway: RunningGateway, name: str, path: str) -> None:
    gateway.request(path, headers={name: "6.6.6.6-forged"})
    assert "forged" not in str((gateway.auth.seen or gateway.todo.seen)[-1])


def test_service_is_told_where_the_request_came_from(gateway: RunningGateway) -> None:
    """RFC 7239."""
    gateway.request("/api/v1/todos", headers={"X-Forwarded-For": "1.2.3.4"}, source="127.0.0.9")
    told = forwarded(gateway.todo)
    assert told["x-forwarded-for"] == told["x-real-ip"] == ["127.0.0.9"]
    assert told["x-forwarded-proto"] == ["http"]
    assert told["host"] == told["x-forwarded-host"] == [gateway.host]
    assert told["forwarded"] == [f'for=127.0.0.9;host="{gateway.host}";proto=http']


def test_scheme_and_host_are_the_issuers_whatever_name_was_used(starter: Starter) -> None:
    with starter.start(issuer="https://id.example.com") as gateway:
        gateway.auth.forget()
        for host in ("id.example.com", f"127.0.0.1:{gateway.port}"):
            assert gateway.request("/api/auth/ok", headers={"Host": host}).status == 200
            told = forwarded(gateway.auth)
            assert told["x-forwarded-proto"] == ["https"]
            assert told["host"] == told["x-forwarded-host"] == ["id.example.com"]


def test_cookies_are_for_the_issuer_alone(gateway: RunningGateway) -> None:
    for path in ("/api/auth/get-session", "/api/v1/todos", "/.well-known/oauth-protected-resource/api/v1"):
        gateway.request(path, headers={"Cookie": "better-auth.session_token=s"})
    assert forwarded(gateway.auth)["cookie"] == ["better-auth.session_token=s"]
    assert all("cookie" not in str(seen).lower() for seen in gateway.todo.seen)


def test_only_the_issuer_sets_cookies(gateway: RunningGateway) -> None:
    for upstream, path in ((gateway.auth, "/api/auth/ok"), (gateway.todo, "/api/v1/todos")):
        upstream.answers[path] = Answer(headers={"Set-Cookie": "a=b"})
    assert gateway.request("/api/auth/ok").values("Set-Cookie") == ["a=b"]
    assert gateway.request("/api/v1/todos").values("Set-Cookie") == []


@pytest.mark.parametrize("path", ["/api/auth/ok", "/api/v1/todos", "/.well-known/jwks.json", "/healthz", "/none"])
def test_request_id_is_taken_over_passed_on_and_echoed_once(gateway: RunningGateway, path: str) -> None:
    for service in (gateway.auth, gateway.todo):
        service.answers[path] = Answer(headers={"X-Request-ID": "the-services-own"})
    response = gateway.request(path, headers={"X-Request-ID": "Trace-1.2_3"})
    assert response.values("X-Request-ID") == ["Trace-1.2_3"]
    assert all(dict(seen["headers"])["X-Request-ID"] == "Trace-1.2_3" for seen in gateway.auth.seen + gateway.todo.seen)


@pytest.mark.parametrize(
    "unfit", ["short", "x" * 65, 'quote"quote', "white space", "new\\nline", "äöüäöüäö", "<script>", "a,b,c,d,e"]
)
def test_unfit_request_id_is_replaced(gateway: RunningGateway, unfit: str) -> None:
    response = gateway.request("/none", headers={"X-Request-ID": unfit})
    [request_id] = response.values("X-Request-ID")
    assert re.fullmatch("[0-9a-f]{32}", request_id)
    assert response.json()["request_id"] == request_id


def test_what_a_client_needs_passes(gateway: RunningGateway) -> None:
    sent = {
        "Authorization": "Bearer token",
        "Origin": "http://app.example.com",
        "Content-Type": "application/json",
        "If-Match": '"1"',
        "Idempotency-Key": '"k"',
    }
    gateway.request("/api/v1/todos", "PATCH", sent, body=b"{}")
    assert sent.items() <= dict(gateway.todo.seen[-1]["headers"]).items()
    assert gateway.todo.seen[-1]["size"] == 2


def test_repeated_authorization_is_left_for_the_service_to_refuse(gateway: RunningGateway) -> None:
    """Newer versions of nginx refuse it themselves. No version may choose one of the two."""
    lines = [f"Host: {gateway.host}", "Authorization: Bearer a", "Authorization: Bearer b"]
    sent = "\r\n".join(["GET /api/v1/todos HTTP/1.1", *lines, "", ""])
    if gateway.raw(sent.encode()).status != 400:
        assert forwarded(gateway.todo)["authorization"] == ["Bearer a", "Bearer b"]


def test_what_may_change_something_is_sent_once(impatient: RunningGateway) -> None:
    """Also if the service does not answer in time."""
    impatient.todo.answers["/api/v1/todos"] = Answer(delay=10)
    assert impatient.request("/api/v1/todos", "POST", body=b"{}").status == 504
    assert impatient.todo.paths == ["/api/v1/todos"]


TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.mark.parametrize("path", ["/api/auth/ok", "/api/v1/todos"])
def test_trace_is_taken_over(gateway: RunningGateway, path: str) -> None:
    """W3C Trace Context."""
    gateway.request(path, headers={"traceparent": TRACE})
    assert forwarded(gateway.auth if "auth" in path else gateway.todo)["traceparent"] == [TRACE]


@pytest.mark.parametrize(
    "sent",
    [
        None,
        "nonsense",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-0af7651916cd43dd8448eb211c80319c-{'0' * 16}-01",
        TRACE.upper(),
        f"ff{TRACE[2:]}",
        f'{TRACE}","level":"fatal',
    ],
    ids=["none", "nonsense", "no trace", "no span", "upper case", "version 255", "more than one"],
)
def test_trace_that_is_none_begins_here(gateway: RunningGateway, sent: str | None) -> None:
    response = gateway.request("/api/v1/todos", headers={"traceparent": sent} if sent else {})
    [begun] = forwarded(gateway.todo)["traceparent"]
    assert re.fullmatch(f"00-{response.headers['X-Request-ID']}-[0-9a-f]{{16}}-01", begun)
