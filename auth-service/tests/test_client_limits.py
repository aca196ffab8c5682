"""Exact limits per client (draft-ietf-httpapi-ratelimit-headers-11), in memory and with a real Redis."""

import re
from collections import Counter
from collections.abc import Iterator, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import httpx2
import pytest
import structlog

from auth_service.limits.redis_address import parse_redis_url
from auth_service.limits.windows import OwnWindows
from auth_service.telemetry import logs

from .code_flow import register_frontend
from .conftest import Service, Start
from .oauth_client import OAuthClient, register
from .redis_server import RedisServer, running_redis
from .statements import statements
from .waiting import wait_until

Logged = list[MutableMapping[str, Any]]
LEFT = re.compile(r'"(\w+)";r=(\d+);t=(\d+)')
PATIENT = {"AUTH_REDIS_TIMEOUT": "PT5S"}  # so that tests of counting pass on a busy machine


@pytest.fixture(scope="module")
def redis_server() -> Iterator[RedisServer]:
    with running_redis() as running:
        yield running


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.process)])
def limited(request: pytest.FixtureRequest, start: Start, sqlite_url: str) -> Service:
    """A service with a limit of three requests per hour."""
    changes = {"AUTH_CLIENT_RATE_LIMIT": "3/PT1H", **PATIENT}
    if request.param == "redis":
        changes["AUTH_REDIS_URL"] = request.getfixturevalue("redis_server").url()
    return start(sqlite_url, **changes)


@pytest.fixture
def logged() -> Iterator[Logged]:
    logs.configure("WARNING")
    try:
        with structlog.testing.capture_logs() as entries:
            yield entries
    finally:
        logs.configure("ERROR")


def left(response: httpx2.Response) -> tuple[str, int, int]:
    """The values of the RateLimit header: endpoint, remaining requests, seconds."""
    found = LEFT.fullmatch(response.headers["RateLimit"])
    assert found, response.headers["RateLimit"]
    return found[1], int(found[2]), int(found[3])


def ask(client: OAuthClient, endpoint: str, **form: str) -> httpx2.Response:
    url = f"{client.service.url}/oauth/{endpoint}"
    return httpx2.post(url, data=form, auth=(client.client_id, client.secret))


def test_figures_go_down_to_none_and_are_kept_to(limited: Service) -> None:
    client = register(limited)
    answers = [client.token() for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [left(answer)[:2] for answer in answers] == [("token", n) for n in (2, 1, 0, 0, 0)]
    assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"token";q=3;w=3600'}
    assert all(0 < left(answer)[2] <= 3600 for answer in answers)


def test_refusal_is_oauths_and_says_when(limited: Service) -> None:
    """RFC 6749 §5.2, RFC 6585 §4."""
    client = register(limited)
    refused = [client.token() for _ in range(4)][-1]
    assert refused.json() == {
        "error": "temporarily_unavailable",
        "error_description": "This client has sent too many requests.",
    }
    assert refused.headers["Retry-After"] == str(left(refused)[2])
    assert refused.headers["Cache-Control"] == "no-store"


def test_each_endpoint_counts_by_itself_and_refusals_count(limited: Service) -> None:
    client, other = register(limited), register(limited)
    answers = [
        client.token(),
        client.token(scope="admin"),
        ask(client, "token", grant_type="nonsense"),
        client.token(),
        ask(client, "introspect", token="x"),
        ask(client, "revoke", token="x"),
        ask(client, "revoke", tokem="x"),
        other.token(),
    ]
    assert [answer.status_code for answer in answers] == [200, 400, 400, 429, 200, 200, 400, 200]
    told = [("token", 2), ("token", 1), ("token", 0), ("token", 0)]
    assert [left(answer)[:2] for answer in answers] == [
        *told, ("introspect", 2), ("revoke", 2), ("revoke", 1), ("token", 2),
    ]  # fmt: skip


def test_who_proves_nothing_spends_nothing(limited: Service) -> None:
    """Requests with a wrong secret or a public client's id are not counted, because anybody can send these."""
    client, public = register(limited), register_frontend(limited)
    for _ in range(4):
        wrong = OAuthClient(limited, client.client_id, "wrong").token()
        assert (wrong.status_code, "RateLimit" in wrong.headers) == (401, False)
        form = {"grant_type": "refresh_token", "refresh_token": "x", "client_id": public.client_id}
        named = httpx2.post(f"{limited.url}/oauth/token", data=form)
        assert (named.status_code, "RateLimit" in named.headers) == (400, False)
    assert left(client.token())[1] == 2


@pytest.mark.parametrize("changes", [{"AUTH_LIMITS": "off"}, {"AUTH_CLIENT_RATE_LIMIT": "off"}], ids=str)
def test_switched_off_nothing_is_counted(start: Start, sqlite_url: str, changes: dict[str, str]) -> None:
    client = register(start(sqlite_url, **{"AUTH_CLIENT_RATE_LIMIT": "1/PT1H", **changes}))
    answers = [client.token() for _ in range(3)]
    assert [(answer.status_code, "RateLimit" in answer.headers) for answer in answers] == [(200, False)] * 3


def test_no_database_is_asked(limited: Service) -> None:
    client = register(limited)
    limited.clock.stop()  # otherwise the client's cached row would expire after five seconds
    client.token()
    with statements() as seen:
        assert [client.token().status_code for _ in range(3)] == [200, 200, 429]
    assert seen == []


def test_memory_is_bounded_and_forgets_the_oldest_window() -> None:
    now = [30820.9256]  # a float to which 3600 cannot be added exactly
    assert OwnWindows(clock=lambda: now[0]).count("a", 3600).seconds_left == 3600  # not a fraction more
    now = [0.0]
    windows = OwnWindows(capacity=3, clock=lambda: now[0])
    for key in "abc":
        windows.count(key, 60)
    now[0] = 60
    assert (windows.count("a", 60).used, windows.count("a", 60).seconds_left) == (1, 60)
    for key in "xy":
        windows.count(key, 60)
    assert len(windows) == 3
    assert windows.count("a", 60).used == 3


def test_two_instances_share_one_exact_limit(start: Start, sqlite_url: str, redis_server: RedisServer) -> None:
    """Exactly 25 of 60 parallel requests pass, and each of them gets a different remaining number."""
    changes = {"AUTH_CLIENT_RATE_LIMIT": "25/PT1H", "AUTH_REDIS_URL": redis_server.url(), **PATIENT}
    first, second = start(sqlite_url, **changes), start(sqlite_url, **changes)
    client = register(first)
    clients = [client, OAuthClient(second, client.client_id, client.secret)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: ask(clients[n % 2], "introspect", token="x"), range(60)))
    assert Counter(answer.status_code for answer in answers) == {200: 25, 429: 35}
    assert sorted(left(answer)[1] for answer in answers if answer.status_code == 200) == list(range(25))


def test_flushall_does_no_harm(start: Start, sqlite_url: str, redis_server: RedisServer) -> None:
    changes = {"AUTH_CLIENT_RATE_LIMIT": "5/PT1H", "AUTH_REDIS_URL": redis_server.url(), **PATIENT}
    client = register(start(sqlite_url, **changes))
    for _ in range(3):
        assert [left(client.token())[1] for _ in range(2)] == [4, 3]
        with redis_server.client() as redis:
            redis.flushall()


@pytest.mark.process
@pytest.mark.parametrize("fault", ["kill", "pause"])
def test_outage_costs_no_request(start: Start, sqlite_url: str, fault: str, logged: Logged) -> None:
    """Each process counts by itself during the outage, logs that, and returns to Redis by itself."""
    with running_redis() as server:
        client = register(start(sqlite_url, AUTH_REDIS_URL=server.url()))
        key = f"token:{client.client_id}"
        wait_until(lambda: client.token().status_code == 200 and server.counted(key) > 0)
        getattr(server, fault)()
        with ThreadPoolExecutor(8) as pool:
            during = list(pool.map(lambda _: client.token(), range(24)))
        assert {answer.status_code for answer in during} == {200}
        assert len({left(answer)[1] for answer in during}) == 24  # each counted once, in this process
        (server.start if fault == "kill" else server.resume)()
        wait_until(server.answers)
        before = server.counted(key)
        wait_until(lambda: client.token().status_code == 200 and server.counted(key) > before)
    said = [entry["event"] for entry in logged if entry["event"].startswith("redis_")]
    assert said[:2] == ["redis_lost", "redis_found"]
    assert all(one != another for one, another in pairwise(said))  # a busy machine may lose it again
    assert "a password" not in str(logged)


def test_wrong_password_is_warned_of_and_harms_nobody(
    start: Start, sqlite_url: str, redis_server: RedisServer, logged: Logged
) -> None:
    url = redis_server.url(password="hunter2")
    service = start(sqlite_url, AUTH_CLIENT_RATE_LIMIT="2/PT1H", AUTH_REDIS_URL=url, **PATIENT)
    wait_until(lambda: "AuthenticationError" in str(logged))  # without waiting for a request
    client = register(service)
    assert [client.token().status_code for _ in range(3)] == [200, 200, 429]
    assert "redis_lost 1\n" in httpx2.get(service.metrics_url).text
    assert [entry["event"] for entry in logged].count("redis_lost") == 1
    assert "hunter2" not in str(logged)


@pytest.mark.process
def test_cluster_counts_as_well(start: Start, sqlite_url: str) -> None:
    with running_redis("--cluster-enabled", "yes") as server, server.client() as redis:
        redis.config_set("cluster-announce-ip", "127.0.0.1")
        redis.config_set("cluster-announce-port", server.port)
        redis.cluster("ADDSLOTSRANGE", 0, 16383)
        wait_until(lambda: redis.cluster("INFO")["cluster_state"] == "ok")
        url = server.url("redis+cluster")
        client = register(start(sqlite_url, AUTH_CLIENT_RATE_LIMIT="2/PT1H", AUTH_REDIS_URL=url, **PATIENT))
        assert [client.token().status_code for _ in range(3)] == [200, 200, 429]
        assert server.counted(f"token:{client.client_id}") == 3


ADDRESSES = {
    "redis://cache": ("server", [("cache", 6379)], "", 0, None),
    "rediss://:p@[::1]:7000/3": ("server", [("::1", 7000)], "", 3, "p"),
    "redis+sentinel://me:a%40b@a,b:1/main/2": ("sentinel", [("a", 26379), ("b", 1)], "main", 2, "a@b"),
    "rediss+cluster://a:1,b": ("cluster", [("a", 1), ("b", 6379)], "", 0, None),
}


@pytest.mark.parametrize(("url", "parts"), ADDRESSES.items(), ids=ADDRESSES)
def test_addresses(url: str, parts: tuple[Any, ...]) -> None:
    address = parse_redis_url(url)
    found = address.kind, list(address.nodes), address.service_name, address.database, address.password
    assert found == parts
    assert address.tls is url.startswith("rediss")
    assert "a@b" not in repr(address)
