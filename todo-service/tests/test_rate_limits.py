"""Exact rate limits per subject (draft-ietf-httpapi-ratelimit-headers-11), in memory and in a real Redis."""

import re
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import timedelta
from itertools import pairwise
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr
from structlog.typing import EventDict

from todo_fixtures import issuer
from todo_fixtures.redis_server import RedisServer
from todo_fixtures.service import Service, wait_until
from todo_service.limits.redis_address import parse_redis_url
from todo_service.limits.windows import OwnWindows, QuotaPolicy
from todo_service.todos import pages

TODOS = "/api/v1/todos"
HOUR = timedelta(hours=1)
PATIENT = timedelta(seconds=5)  # long, since a busy machine must not look like an outage
LEFT = re.compile(r'"subject";r=(\d+);t=(\d+)')


def left(response: httpx2.Response) -> tuple[int, int]:
    """The requests and seconds of the RateLimit header."""
    found = LEFT.fullmatch(response.headers["RateLimit"])
    assert found, response.headers["RateLimit"]
    return int(found[1]), int(found[2])


def with_redis(server: RedisServer, requests: int, **more: Any) -> dict[str, Any]:
    settings = {"redis_url": SecretStr(server.url()), "redis_timeout": PATIENT, **more}
    return {"rate_limit": QuotaPolicy(requests, HOUR), **settings}


@pytest.fixture(params=["memory", "redis"])
def limited(request: pytest.FixtureRequest, run_service: Any) -> Iterator[Service]:
    """A service with a limit of five requests per hour."""
    if request.param == "redis":
        settings = with_redis(request.getfixturevalue("shared_redis"), 5)
    else:
        settings = {"rate_limit": QuotaPolicy(5, HOUR)}
    with run_service(**settings) as running:
        running.wait_until_ready()
        yield running


class TestWhatIsTold:
    def test_figures_go_down_to_none_and_are_kept_to(self, limited: Service) -> None:
        person = limited.person()
        answers = [person.get(TODOS) for _ in range(7)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
        assert [left(answer)[0] for answer in answers] == [4, 3, 2, 1, 0, 0, 0]
        assert {answer.headers["RateLimit-Policy"] for answer in answers} == {'"subject";q=5;w=3600'}
        seconds = [left(answer)[1] for answer in answers]
        assert seconds == sorted(seconds, reverse=True)
        assert 0 < seconds[-1] <= seconds[0] <= 3600

    def test_refusal_is_a_problem_and_says_when(self, limited: Service) -> None:
        person = limited.person()
        refused = [person.get(TODOS) for _ in range(6)][-1]
        assert refused.headers["Content-Type"] == "application/problem+json"
        assert refused.json()["type"] == "urn:problem-type:todo:rate-limit-exceeded"
        assert refused.headers["Retry-After"] == str(left(refused)[1])

    def test_every_answer_after_verification_tells_it(self, limited: Service) -> None:
        sub = uuid.uuid4().hex
        person = limited.person(sub)
        answers = [
            limited.person(sub, scope="openid").get(TODOS),
            person.get(f"{TODOS}/unknown"),
            person.post(TODOS, json={"titel": "x"}),
            person.get("/api/v1/users/somebody-else/todos"),
            person.post(TODOS, json={"title": "x"}),
        ]
        assert [answer.status_code for answer in answers] == [403, 404, 422, 403, 201]
        assert [left(answer)[0] for answer in answers] == [4, 3, 2, 1, 0]

    @pytest.mark.usefixtures("logged")
    def test_failure_tells_it_too(self, limited: Service, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(pages, "find_page", None)  # calling it raises TypeError
        failed = limited.person().get(TODOS)
        assert (failed.status_code, left(failed)[0]) == (500, 4)
        assert failed.headers["X-Request-ID"]

    def test_another_subject_has_all_of_its_own(self, limited: Service) -> None:
        person = limited.person()
        assert [person.get(TODOS).status_code for _ in range(6)][-1] == 429
        assert left(limited.person().get(TODOS))[0] == 4
        service = limited.client(issuer.token(sub=(client := uuid.uuid4().hex), client_id=client))
        assert left(service.get(TODOS))[0] == 4

    def test_forged_tokens_spend_nothing_and_are_told_nothing(self, limited: Service) -> None:
        sub = uuid.uuid4().hex
        token = issuer.token(sub=sub)
        forged = limited.client(token[:-8] + "AAAAAAAA")
        for _ in range(6):
            refused = forged.get(TODOS)
            assert (refused.status_code, "RateLimit" in refused.headers) == (401, False)
        assert left(limited.client(token).get(TODOS))[0] == 4


def test_switched_off_nothing_iscounted(run_service: Any) -> None:
    with run_service(rate_limit=None) as running:
        running.wait_until_ready()
        answer = running.person().get(TODOS)
    assert (answer.status_code, "RateLimit" in answer.headers, "RateLimit-Policy" in answer.headers) == (
        200,
        False,
        False,
    )


class TestMemory:
    def test_window_begins_with_the_first_request_and_ends_for_good(self) -> None:
        now = [100.0]
        windows = OwnWindows(clock=lambda: now[0])
        assert [windows.count("a", 60).used for _ in range(3)] == [1, 2, 3]
        now[0] = 159.5
        assert (windows.count("a", 60).used, windows.count("a", 60).seconds_left) == (4, 0.5)
        now[0] = 160.0
        assert (windows.count("a", 60).used, windows.count("a", 60).seconds_left) == (1, 60)

    @pytest.mark.parametrize("now", [667.6252, 5374.5698, 30820.9256])
    def test_new_window_is_no_fraction_longer_than_it_should_be(self, now: float) -> None:
        """The header rounds up, so a fraction more would show as another second."""
        assert OwnWindows(clock=lambda: now).count("a", 3600).seconds_left == 3600

    def test_is_bounded_and_forgets_the_oldest_window(self) -> None:
        now = [0.0]
        windows = OwnWindows(capacity=3, clock=lambda: now[0])
        for key in "abc":
            windows.count(key, 60)
        now[0] = 61
        windows.count("a", 60)  # now a's window is the newest
        for key in "xy":
            windows.count(key, 60)
        assert len(windows) == 3
        assert windows.count("a", 60).used == 2


class TestRedis:
    def test_two_instances_share_one_exact_limit(self, run_service: Any, shared_redis: RedisServer) -> None:
        """Of a hundred requests at once exactly forty succeed, and each gets another remaining number."""
        sub = uuid.uuid4().hex
        with ExitStack() as running:
            clients = []
            for _ in range(2):
                service = running.enter_context(run_service(**with_redis(shared_redis, 40)))
                service.wait_until_ready()
                clients.append(service.person(sub))
            with ThreadPoolExecutor(16) as pool:
                answers = list(pool.map(lambda n: clients[n % 2].get(TODOS), range(100)))
        assert Counter(answer.status_code for answer in answers) == {200: 40, 429: 60}
        told = sorted(left(answer)[0] for answer in answers if answer.status_code == 200)
        assert told == list(range(40))

    def test_restart_forgets_nothing_and_the_end_of_a_window_all(
        self, run_service: Any, shared_redis: RedisServer
    ) -> None:
        sub = uuid.uuid4().hex
        for expected in (2, 1):
            with run_service(**with_redis(shared_redis, 3)) as running:
                running.wait_until_ready()
                assert left(running.person(sub).get(TODOS))[0] == expected
        with shared_redis.client() as client:
            client.delete(f"todo:requests:{sub}")
        with run_service(**with_redis(shared_redis, 3)) as running:
            running.wait_until_ready()
            assert left(running.person(sub).get(TODOS)) == (2, 3600)

    def test_window_is_redis_own_time(self, run_service: Any, shared_redis: RedisServer) -> None:
        sub = uuid.uuid4().hex
        with run_service(**with_redis(shared_redis, 3)) as running, shared_redis.client() as client:
            running.wait_until_ready()
            person = running.person(sub)
            assert left(person.get(TODOS)) == (2, 3600)
            client.pexpire(f"todo:requests:{sub}", 999_500)
            requests, seconds = left(person.get(TODOS))
            assert (requests, 900 < seconds <= 1000) == (1, True)
            client.persist(
                f"todo:requests:{sub}"
            )  # should not happen, but without an end the window would lock the subject out
            assert left(person.get(TODOS)) == (0, 3600)

    def test_flushall_does_no_harm(self, run_service: Any, own_redis: RedisServer) -> None:
        with run_service(**with_redis(own_redis, 5)) as running, own_redis.client() as client:
            running.wait_until_ready()
            person = running.person()
            for _ in range(4):
                assert [left(person.get(TODOS))[0] for _ in range(2)] == [4, 3]
                client.flushall()
                client.script_flush()

    @pytest.mark.parametrize("fault", ["kill", "pause"])
    def test_outage_costs_no_request(
        self, run_service: Any, own_redis: RedisServer, fault: str, logged: list[EventDict]
    ) -> None:
        """Each process counts alone, logs the outage once, and uses Redis again when it is back."""
        sub = uuid.uuid4().hex
        with run_service(**with_redis(own_redis, 1000, redis_timeout=timedelta(milliseconds=50))) as running:
            running.wait_until_ready()
            person = running.person(sub)
            wait_until(lambda: person.get(TODOS).status_code == 200 and counted(own_redis, sub) > 0)
            getattr(own_redis, fault)()
            with ThreadPoolExecutor(8) as pool:
                during = list(pool.map(lambda _: person.get(TODOS), range(40)))
            assert {answer.status_code for answer in during} == {200}
            assert len({left(answer)[0] for answer in during}) == 40  # counted in this process, each once
            (own_redis.start if fault == "kill" else own_redis.resume)()
            own_redis.wait_until_it_answers()
            before = counted(own_redis, sub)
            wait_until(lambda: person.get(TODOS).status_code == 200 and counted(own_redis, sub) > before)
        said = [entry["event"] for entry in logged if entry["event"].startswith("redis_")]
        assert said[:2] == ["redis_lost", "redis_found"]
        assert all(
            one != another for one, another in pairwise(said)
        )  # a busy machine may lose Redis again; no event repeats
        assert "a password" not in str(logged)

    def test_wrong_password_is_warned_of_and_harms_nobody(
        self, run_service: Any, shared_redis: RedisServer, logged: list[EventDict]
    ) -> None:
        url = SecretStr(shared_redis.url(password="hunter2"))
        with run_service(rate_limit=QuotaPolicy(2, HOUR), redis_url=url, redis_timeout=PATIENT) as running:
            running.wait_until_ready()
            wait_until(lambda: "AuthenticationError" in str(logged))  # logged before any request
            person = running.person()
            assert [person.get(TODOS).status_code for _ in range(3)] == [200, 200, 429]
        warned = [entry["event"] for entry in logged if entry["log_level"] == "warning"]
        assert warned.count("redis_lost") == 1
        assert "hunter2" not in str(logged)

    def test_nobody_listens_at_the_address(self, run_service: Any) -> None:
        url = SecretStr("redis://127.0.0.1:1")
        with run_service(rate_limit=QuotaPolicy(2, HOUR), redis_url=url) as running:
            running.wait_until_ready()
            person = running.person()
            assert [person.get(TODOS).status_code for _ in range(3)] == [200, 200, 429]
            wait_until(lambda: "redis_lost 1\n" in running.metrics())

    def test_cluster_counts_as_well(self, run_service: Any, redis_cluster: RedisServer) -> None:
        sub = uuid.uuid4().hex
        url = SecretStr(redis_cluster.url("redis+cluster"))
        with run_service(**with_redis(redis_cluster, 3, redis_url=url)) as running:
            running.wait_until_ready()
            person = running.person(sub)
            assert [person.get(TODOS).status_code for _ in range(4)] == [200, 200, 200, 429]
            assert "redis_lost 0\n" in running.metrics()
        assert counted(redis_cluster, sub) == 4

    def test_sentinels_successor_is_found(
        self, run_service: Any, watched_redis: tuple[str, RedisServer], logged: list[EventDict]
    ) -> None:
        url, master = watched_redis
        with run_service(
            rate_limit=QuotaPolicy(1000, HOUR), redis_url=SecretStr(url), redis_timeout=PATIENT
        ) as running:
            running.wait_until_ready()
            person = running.person(sub := uuid.uuid4().hex)
            assert person.get(TODOS).status_code == 200
            assert counted(master, sub) == 1
            master.kill()
            limit = running.app.state.parts.rate_limit
            assert person.get(TODOS).status_code == 200
            wait_until(lambda: not limit.has_lost_redis and "redis_found" in str(logged))
            told = [left(person.get(TODOS))[0] for _ in range(2)]
            assert told[1] == told[0] - 1


def counted(server: RedisServer, sub: str) -> int:
    with server.client() as client:
        return int(client.get(f"todo:requests:{sub}") or 0)


@pytest.mark.parametrize(
    ("url", "kind", "nodes", "name"),
    [
        ("redis://cache", "server", [("cache", 6379)], ""),
        ("redis://:p@[::1]:7000/3", "server", [("::1", 7000)], ""),
        ("redis+sentinel://:p@a,b:1/main", "sentinel", [("a", 26379), ("b", 1)], "main"),
        ("redis+cluster://a:1,b", "cluster", [("a", 1), ("b", 6379)], ""),
    ],
)
@pytest.mark.parametrize("tls", [False, True])
def test_addresses(url: str, kind: str, nodes: list[tuple[str, int]], name: str, *, tls: bool) -> None:
    address = parse_redis_url(url.replace("redis", "rediss", 1) if tls else url)
    assert (address.kind, list(address.nodes), address.service_name, address.tls) == (kind, nodes, name, tls)
    assert (address.password, address.database) == ("p" if ":p@" in url else None, 3 if url.endswith("3") else 0)


def test_passwords_are_decoded_and_not_shown() -> None:
    address = parse_redis_url("redis+sentinel://me:a%40b@h/main/2?sentinel_password=c%2Fd")
    assert (address.username, address.password, address.sentinel_password) == ("me", "a@b", "c/d")
    assert address.database == 2
    assert "a@b" not in repr(address)
    assert "c/d" not in repr(address)
