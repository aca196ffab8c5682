"""Each limit accepts 1 + burst requests and refuses the next one (rule G7 in README.md)."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from gateway.limits import LARGE_BODIES_OF_ONE, ZONES, Limit, Limits
from gateway.settings import InvalidSetting
from gateway.tests.conftest import wait_until
from gateway.tests.upstream import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.tests.conftest import RunningGateway, Starter

SLOW = Limits(
    {
        "sign_in": Limit("1r/m", 2),
        "auth": Limit("1r/m", 3),
        "api": Limit("1r/m", 4),
        "password": Limit("1r/m", 1),
        "token": Limit("1r/m", 2),
        "register": Limit("1r/m", 1),
    },
    connections=3,
)
SIGN_IN, SIGN_UP, SESSION, TODOS = (
    "/api/auth/sign-in/email",
    "/api/auth/sign-up/email",
    "/api/auth/get-session",
    "/api/v1/todos",
)


@pytest.fixture(scope="module")
def limited_for_all(starter: Starter) -> Iterator[RunningGateway]:
    with starter.start(limits=SLOW) as gateway:
        yield gateway


@pytest.fixture
def limited(limited_for_all: RunningGateway) -> RunningGateway:
    """Limits of one request a minute. Each test uses client addresses of its own."""
    limited_for_all.auth.forget()
    limited_for_all.todo.forget()
    return limited_for_all


@pytest.mark.parametrize(
    ("method", "path", "burst", "source"),
    [
        ("POST", SIGN_IN, 2, "127.0.1.1"),
        ("POST", SIGN_UP, 2, "127.0.1.2"),
        ("GET", SESSION, 3, "127.0.1.3"),
        ("POST", "/api/auth/sign-out", 3, "127.0.1.4"),
        ("POST", "/api/auth/change-password", 1, "127.0.1.7"),
        ("POST", "/api/auth/verify-password", 1, "127.0.1.8"),
        ("POST", "/api/auth/delete-user", 1, "127.0.1.9"),
        ("POST", "/oauth/token", 2, "127.0.1.10"),
        ("POST", "/signin", 2, "127.0.1.11"),
        ("POST", "/signup", 2, "127.0.1.12"),
        ("POST", "/reset-password", 2, "127.0.1.22"),
        ("POST", "/api/auth/request-password-reset", 1, "127.0.1.23"),
        ("POST", "/api/auth/reset-password", 1, "127.0.1.24"),
        ("GET", "/signin", 3, "127.0.1.13"),
        ("GET", "/oauth/authorize", 3, "127.0.1.14"),
        ("POST", "/consent", 3, "127.0.1.15"),
        ("POST", "/oauth/logout", 3, "127.0.1.16"),
        ("POST", "/oauth/introspect", 2, "127.0.1.17"),
        ("POST", "/oauth/revoke", 2, "127.0.1.18"),
        ("POST", "/oauth/par", 2, "127.0.1.25"),
        ("POST", "/oauth/device_authorization", 2, "127.0.1.26"),
        ("POST", "/device", 2, "127.0.1.27"),
        ("POST", "/personal-tokens", 2, "127.0.1.28"),
        ("POST", "/account", 3, "127.0.1.29"),
        ("POST", "/account/change", 2, "127.0.1.30"),
        ("GET", "/oauth/userinfo", 3, "127.0.1.19"),
        ("POST", "/oauth/register", 1, "127.0.1.20"),
        ("PUT", "/oauth/register/client_0", 2, "127.0.1.21"),
        ("GET", TODOS, 4, "127.0.1.5"),
        ("GET", "/api/v1/users/u1/todos/1", 4, "127.0.1.6"),
        ("POST", "/mcp", 4, "127.0.1.26"),
    ],
)
def test_one_and_the_burst_pass_and_the_next_is_refused(
    limited: RunningGateway, method: str, path: str, burst: int, source: str
) -> None:
    assert limited.statuses(burst + 2, path, method, source=source) == [200] * (burst + 1) + [429]
    assert len(limited.auth.paths + limited.todo.paths) == burst + 1


def test_sign_in_and_sign_up_share_a_limit(limited: RunningGateway) -> None:
    paths = [SIGN_IN, SIGN_UP, "/signin", "/signup"]
    assert [limited.request(path, "POST", source="127.0.2.1").status for path in paths] == [200, 200, 200, 429]
    paths = [SIGN_UP, SIGN_IN, "/api/auth/sign-in/username", SIGN_UP]
    assert [limited.request(path, "POST", source="127.0.2.2").status for path in paths] == [200, 200, 200, 429]


@pytest.mark.parametrize(
    ("number", "spelling"),
    list(
        enumerate(
            ["/api/auth/sign-in//email", "/api/auth/%73ign-in/email", "/api/auth/sign%2Din/email", f"{SIGN_IN}?a=b"]
        )
    ),
)
def test_sign_in_is_counted_however_it_is_spelled(limited: RunningGateway, number: int, spelling: str) -> None:
    source = f"127.0.3.{number + 1}"
    assert limited.statuses(3, SIGN_IN, "POST", source=source) == [200, 200, 200]
    assert limited.request(spelling, "POST", source=source).status == 429


@pytest.mark.parametrize(
    ("path", "method", "policy"),
    [(SIGN_IN, "POST", '"sign-in";q=1;w=60'), (TODOS, "GET", '"api";q=1;w=60'), (SESSION, "GET", '"auth";q=1;w=60')],
)
def test_refusal_says_what_the_limit_is(limited: RunningGateway, path: str, method: str, policy: str) -> None:
    """draft-ietf-httpapi-ratelimit-headers. A service's own RateLimit-Policy would pass unchanged."""
    limited.statuses(6, path, method, source="127.0.3.99")
    assert limited.request(path, method, source="127.0.3.99").values("RateLimit-Policy") == [policy]
    assert limited.request("/healthz").values("RateLimit-Policy") == []


def test_preflight_costs_no_sign_in(limited: RunningGateway) -> None:
    assert limited.statuses(3, SIGN_IN, "OPTIONS", source="127.0.4.1") == [200, 200, 200]
    assert limited.statuses(4, SIGN_IN, "POST", source="127.0.4.1") == [200, 200, 200, 429]


def test_tokens_are_counted_by_themselves(limited: RunningGateway) -> None:
    assert limited.statuses(4, "/oauth/token?a=b", "POST", source="127.0.5.9") == [200] * 3 + [429]
    refused = limited.request("/oauth/token", "POST", source="127.0.5.9")
    assert refused.json()["title"] == "Too Many Requests"
    assert "message" not in refused.json(), "that is for the Better Auth client"
    assert limited.request(SESSION, source="127.0.5.9").status == 200
    assert limited.request(TODOS, source="127.0.5.9").status == 200


def test_limits_are_apart(limited: RunningGateway) -> None:
    limited.statuses(4, SIGN_IN, "POST", source="127.0.5.1")
    assert limited.request(SESSION, source="127.0.5.1").status == 200
    assert limited.request(TODOS, source="127.0.5.1").status == 200
    assert limited.request(SIGN_IN, "POST", source="127.0.5.2").status == 200


def test_passwords_asked_for_by_a_session_share_a_limit_of_their_own(limited: RunningGateway) -> None:
    """Each computes a password hash, as a sign-in does. Guessing there must not use up the limit for sign-ins."""
    paths = ["/api/auth/change-password", "/api/auth//verify-password", "/api/auth/delete-user/"]
    assert [limited.request(path, "POST", source="127.0.5.3").status for path in paths] == [200, 200, 429]
    assert limited.request(paths[0], "OPTIONS", source="127.0.5.3").status == 200
    assert limited.statuses(4, SIGN_IN, "POST", source="127.0.5.3") == [200, 200, 200, 429]


def test_forged_address_does_not_evade_a_limit(limited: RunningGateway) -> None:
    forged = [{"X-Forwarded-For": f"10.0.0.{n}", "X-Real-IP": f"10.0.0.{n}"} for n in range(4)]
    statuses = [limited.request(SIGN_IN, "POST", each, source="127.0.6.1").status for each in forged]
    assert statuses == [200, 200, 200, 429]


@pytest.mark.parametrize("path", ["/healthz", "/none", "/.well-known/jwks.json"])
def test_what_costs_nothing_is_not_counted(limited: RunningGateway, path: str) -> None:
    limited.auth.answers["/.well-known/jwks.json"] = Answer(headers={"Cache-Control": "max-age=60"})
    assert 429 not in limited.statuses(20, path, source="127.0.7.1")


@pytest.mark.parametrize(
    ("path", "source"), [("/.well-known/jwks.json", "127.0.8.1"), ("/oauth/status-lists/1", "127.0.8.2")]
)
def test_what_goes_past_the_cache_is_counted(limited: RunningGateway, path: str, source: str) -> None:
    statuses = limited.statuses(5, path, source=source, Authorization="Bearer x")
    assert statuses == [200] * 4 + [429]


def test_refusal_below_api_auth_is_legible_to_its_client(limited: RunningGateway) -> None:
    """The Better Auth client reads `message` and X-Retry-After."""
    limited.statuses(3, SIGN_IN, "POST", source="127.0.9.1")
    response = limited.request(SIGN_IN, "POST", source="127.0.9.1")
    assert response.status == 429
    assert response.values("Content-Type") == ["application/problem+json"]
    assert response.json()["message"] == "Too many requests. Please try again later."
    assert response.values("Retry-After") == response.values("X-Retry-After") == ["63"]


def test_refusal_by_the_api_is_a_problem(limited: RunningGateway) -> None:
    """RFC 6585 §4."""
    limited.statuses(5, TODOS, source="127.0.10.1")
    response = limited.request(TODOS, source="127.0.10.1")
    assert response.status == 429
    assert response.json()["title"] == "Too Many Requests"
    assert "message" not in response.json()
    assert (response.values("Retry-After"), response.values("X-Retry-After")) == (["63"], [])


def test_connections_of_one_address_are_limited(limited: RunningGateway) -> None:
    may_go = threading.Event()
    limited.todo.answers[TODOS] = Answer(may_go=may_go)
    slow = [threading.Thread(target=limited.request, args=[TODOS], kwargs={"source": "127.0.11.1"}) for _ in range(3)]
    for thread in slow:
        thread.start()
    wait_until(lambda: len(limited.todo.paths) == 3)
    response = limited.request(SESSION, source="127.0.11.1")
    assert (response.status, response.values("Retry-After")) == (429, ["1"])
    assert limited.request(SESSION, source="127.0.11.2").status == 200
    may_go.set()
    for thread in slow:
        thread.join()


def test_retry_after_tells_the_truth(starter: Starter) -> None:
    """nginx takes 10 a minute as 0.166 a second. One more is accepted after 6.02 s, so it must say 7."""
    limit = Limit("10r/m", 1)
    with starter.start(limits=Limits({"api": limit})) as gateway:
        assert gateway.statuses(3, TODOS, source="127.0.12.1") == [200, 200, 429]
        time.sleep(limit.retry_after)
        assert gateway.request(TODOS, source="127.0.12.1").status == 200


@pytest.mark.parametrize(
    ("rate", "seconds"), [("1r/m", 63), ("10r/m", 7), ("6r/m", 10), ("60r/m", 1), ("1r/s", 1), ("20r/s", 1)]
)
def test_retry_after_counts_as_nginx_does(rate: str, seconds: int) -> None:
    assert Limit(rate, 0).retry_after == seconds


def test_no_burst_is_no_error(starter: Starter) -> None:
    """nginx rejects burst=0, so render.py must leave it out."""
    with starter.start(limits=Limits(dict.fromkeys(["sign_in", "auth", "api"], Limit("1r/m", 0)))) as gateway:
        for path in (SIGN_IN, SESSION, TODOS):
            assert gateway.statuses(2, path, source="127.0.13.1") == [200, 429]


def test_without_limits_nothing_is_refused(gateway: RunningGateway) -> None:
    for path in (SIGN_IN, TODOS):
        assert gateway.statuses(60, path, source="127.0.14.1") == [200] * 60


def test_networks_of_ipv6_share_a_limit(starter: Starter) -> None:
    """IPv6 loopback is a single address, so the client addresses come from X-Forwarded-For here."""
    with starter.start(limits=SLOW, trusted_proxies=["127.0.0.1"]) as gateway:

        def sign_in(address: str) -> int:
            return gateway.request(SIGN_IN, "POST", {"X-Forwarded-For": address}).status

        assert [sign_in(f"2001:db8:a0a:a0a:{n}::{n}") for n in range(1, 5)] == [200, 200, 200, 429]
        assert [sign_in(address) for address in ("2001:db8:a0a:a0b::1", "2001:db8:a0b:a0a::1")] == [200, 200]
        assert [sign_in(f"192.0.2.{n}") for n in range(1, 5)] == [200] * 4
        assert [sign_in("192.0.2.9") for _ in range(4)] == [200, 200, 200, 429]


def test_wider_networks_of_ipv6_have_growing_budgets(starter: Starter) -> None:
    """A customer with a /56 has 256 networks of /64, and one with a /48 has 65,536."""
    with starter.start(limits=SLOW, trusted_proxies=["127.0.0.1"]) as gateway:

        def sign_ins(*addresses: str) -> list[int]:
            return [gateway.request(SIGN_IN, "POST", {"X-Forwarded-For": address}).status for address in addresses]

        first = [f"2001:db8:1:1{n:02x}::1" for n in range(7)]  # seven /64 of one /56
        assert sign_ins(*first) == [200] * 6 + [429]
        second = [f"2001:db8:1:{n:x}00::1" for n in range(2, 9)]  # seven /56 of the same /48
        assert sign_ins(*second) == [200] * 6 + [429]
        assert sign_ins("2001:db8:2::1", "192.0.2.1") == [200, 200], "elsewhere nothing is used up"


@pytest.mark.parametrize(
    "spellings",
    [
        ("192.0.2.1", "::ffff:192.0.2.1", "::FFFF:c000:201", "[::ffff:192.0.2.1]:99", "192.0.2.1:4711"),
        ("2001:db8::1", "2001:DB8:0:0:0:0:0:1", "2001:0db8::0001", "[2001:db8::1]:443", "2001:db8:0::0:1"),
    ],
)
def test_address_is_one_client_however_it_is_spelled(starter: Starter, spellings: tuple[str, ...]) -> None:
    with starter.start(limits=SLOW, trusted_proxies=["127.0.0.1"]) as gateway:
        statuses = [gateway.request(SIGN_IN, "POST", {"X-Forwarded-For": each}).status for each in spellings]
        other = gateway.request(SIGN_IN, "POST", {"X-Forwarded-For": "::ffff:192.0.2.77"})
        seen = [dict(request["headers"]) for request in gateway.auth.seen]
    assert statuses == [200, 200, 200, 429, 429]
    assert other.status == 200
    assert {each["X-Forwarded-For"] for each in seen[:3]} == {each["X-Real-IP"] for each in seen[:3]} == {spellings[0]}
    assert {json.loads(line)["client.address"] for line in gateway.log.splitlines()} == {spellings[0], "192.0.2.77"}


@pytest.mark.parametrize(
    "head",
    [
        "Content-Length: 16385",
        "Content-Length: 262144",
        "Content-Length: 00000000016385",
        "Transfer-Encoding: chunked",
    ],
)
def test_few_large_bodies_are_taken_at_once(starter: Starter, head: str) -> None:
    """They fill the memory, up to 256 KiB each. A small body is still taken."""
    limits = Limits(dict.fromkeys((zone.name for zone in ZONES), Limit("9999r/s", 999)))
    with starter.start(limits=limits) as gateway, ExitStack() as opened:
        request = f"POST {TODOS} HTTP/1.1\r\nHost: {gateway.host}\r\n{head}\r\nExpect: 100-continue\r\n\r\n".encode()
        for _ in range(LARGE_BODIES_OF_ONE):
            client = opened.enter_context(socket.create_connection(("127.0.0.1", gateway.port), timeout=60))
            client.sendall(request)
            assert client.recv(100).startswith(b"HTTP/1.1 100 "), "it is waiting for the body"
        refused = gateway.raw(request)
        assert (refused.status, refused.values("Retry-After")) == (429, ["1"])
        assert gateway.request(TODOS, "POST", body=b"x" * 16384).status == 200
        assert gateway.request(TODOS, "DELETE").status == 200
        assert gateway.request(TODOS, "POST", body=b"x" * 16385, source="127.0.0.2").status == 200


def test_limits_come_from_the_environment() -> None:
    limits = Limits.parse(
        {
            "GATEWAY_SIGN_IN_RATE": "1r/m",
            "GATEWAY_API_BURST": "0",
            "GATEWAY_PASSWORD_BURST": "1",
            "GATEWAY_CONNECTIONS": "9",
        }
    )
    changed = {"sign_in": Limit("1r/m", 5), "api": Limit("20r/s", 0), "password": Limit("10r/m", 1)}
    assert limits == Limits(changed, connections=9)
    slower = Limits.parse({"GATEWAY_TOKEN_RATE": "1r/s", "GATEWAY_TOKEN_BURST": "3"})
    assert slower == Limits({"token": Limit("1r/s", 3)})
    assert Limits.parse({"HOME": "/"}) == Limits()


@pytest.mark.parametrize(
    "environ",
    [
        {"GATEWAY_SIGN_IN_RATE": "fast"},
        {"GATEWAY_SIGN_IN_RATE": "0r/m"},
        {"GATEWAY_SIGN_IN_RATE": "1r/m; evil on"},
        {"GATEWAY_API_BURST": "-1"},
        {"GATEWAY_API_BURST": ""},
        {"GATEWAY_API_BURTS": "1"},
    ],
)
def test_setting_that_would_mean_something_else_is_refused(environ: dict[str, str]) -> None:
    with pytest.raises(InvalidSetting):
        Limits.parse(environ)
