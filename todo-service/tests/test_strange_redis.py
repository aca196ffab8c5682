"""Servers at Redis' address that behave strangely: no request fails because of them, and no password is logged."""

import asyncio
import gc
import socket
import socketserver
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
import uvloop
from pydantic import SecretStr
from structlog.typing import EventDict

from todo_fixtures.redis_server import RedisServer
from todo_fixtures.service import wait_until
from todo_service.limits.redis_address import parse_redis_url
from todo_service.limits.shared_windows import SharedWindows
from todo_service.limits.windows import QuotaPolicy

from .test_rate_limits import HOUR, PATIENT, TODOS, left, with_redis

EVAL = b"*1\r\n*6\r\n$4\r\neval\r\n:-3\r\n*0\r\n:0\r\n:0\r\n:0\r\n"  # the reply to COMMAND, with one command
ONE = b"*2\r\n:1\r\n:1000\r\n"  # the first request of a window that ends in one second


@dataclass
class Pretender:
    """A server that speaks Redis' protocol (RESP3) and gives a prepared reply to a script."""

    port: int
    answer: bytes = ONE
    hello: bytes = b"%1\r\n+proto\r\n:3\r\n"
    cluster: bytes = b"-ERR This instance has cluster support disabled\r\n"

    @property
    def as_a_cluster(self) -> bytes:
        """The reply to CLUSTER SLOTS: this server has all slots."""
        return b"*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$9\r\n127.0.0.1\r\n:%d\r\n" % self.port


@pytest.fixture
def pretender() -> Iterator[Pretender]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while line := self.rfile.readline():
                words = [self.rfile.read(int(self.rfile.readline()[1:]) + 2).strip() for _ in range(int(line[1:]))]
                answers = {b"EVAL": pretending.answer, b"HELLO": pretending.hello}
                answers |= {b"CLUSTER": pretending.cluster, b"COMMAND": EVAL}
                self.wfile.write(answers.get(words[0], b"+OK\r\n"))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            """Ignore errors of connections, which may end at any time."""

    with Server(("127.0.0.1", 0), Handler) as server:
        pretending = Pretender(server.server_address[1])
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield pretending
        server.shutdown()
        thread.join()


ANSWERS = {
    "nothing": b"_\r\n",
    "half of it": b"*1\r\n:1\r\n",
    "no finite number": b"*2\r\n,inf\r\n,nan\r\n",
    "less than nothing": b"*2\r\n:-5\r\n:-900000\r\n",
    "another protocol": b"HTTP/1.1 400 Bad Request\r\n\r\n",
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_answer_that_is_no_count_harms_nobody(
    run_service: Any, pretender: Pretender, answer: bytes, logged: list[EventDict]
) -> None:
    url = SecretStr(f"redis://127.0.0.1:{pretender.port}")
    with run_service(rate_limit=QuotaPolicy(2, HOUR), redis_url=url, redis_timeout=PATIENT) as running:
        running.wait_until_ready()
        person = running.person()
        pretender.answer = answer
        assert [person.get(TODOS).status_code for _ in range(3)] == [200, 200, 429]  # counted in this process
        pretender.answer = ONE
        wait_until(lambda: "redis_found" in str(logged))
        assert left(person.get(TODOS)) == (1, 1)


@pytest.mark.parametrize(
    ("hello", "reason"),
    [
        (
            b"-ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' '' 'hunter2' \r\n",
            "unknown command 'HELLO'",
        ),
        (b"-ERR HELLO 3 AUTH default hunter2 is not for me\r\n", "not shown, because it quotes a password"),
    ],
    ids=["arguments", "in other words"],
)
def test_refused_command_is_logged_without_its_arguments(
    hello: bytes, reason: str, pretender: Pretender, logged: list[EventDict]
) -> None:
    """A server that does not know a command quotes what came with it, and the password comes with HELLO or AUTH."""
    pretender.hello = hello
    address = parse_redis_url(f"redis://:hunter2@127.0.0.1:{pretender.port}")

    async def count() -> None:
        windows = SharedWindows(address, prefix="todo", timeout=timedelta(seconds=60))
        async with windows.running():
            assert await windows.count("key", 60) is None

    asyncio.run(count())
    assert [entry["reason"] for entry in logged] == [reason]


@pytest.mark.parametrize("scheme", ["redis", "rediss", "redis+cluster", "redis+sentinel"])
def test_name_that_is_gone_leaves_nothing_in_the_log_but_the_event(scheme: str, logged: list[EventDict]) -> None:
    """When a container has stopped, its name fails to resolve, often after the connection attempt has timed out."""
    address = parse_redis_url(f"{scheme}://gone.invalid:6379{'/main' if 'sentinel' in scheme else ''}")
    told: list[str] = []

    async def count() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, context: told.append(context["message"]))
        windows = SharedWindows(address, prefix="todo", timeout=timedelta(microseconds=50))
        async with windows.running():
            for _ in range(3):
                assert await windows.count("key", 60) is None
                await asyncio.gather(loop.getaddrinfo("gone.invalid", 6379), return_exceptions=True)  # it has failed
                gc.collect()

    uvloop.run(count())
    assert told == []
    assert [entry["event"] for entry in logged if entry["event"] != "slow_statement"] == [
        "redis_lost"
    ]  # of another test's service


CLUSTERS = {
    "no list": b":1\r\n",
    "words": b"*1\r\n+x\r\n",
    "no nodes": b"*1\r\n*3\r\n:0\r\n:1\r\n:2\r\n",
}


@pytest.mark.parametrize("answer", CLUSTERS.values(), ids=CLUSTERS)
def test_answer_that_the_library_stumbles_over_harms_nobody(
    run_service: Any, pretender: Pretender, answer: bytes, logged: list[EventDict]
) -> None:
    """redis-py raises TypeError or IndexError. No request fails, and the search for Redis continues."""
    pretender.cluster = answer
    url = SecretStr(f"redis+cluster://127.0.0.1:{pretender.port}")
    with run_service(rate_limit=QuotaPolicy(2, HOUR), redis_url=url, redis_timeout=PATIENT) as running:
        running.wait_until_ready()
        person = running.person()
        assert [person.get(TODOS).status_code for _ in range(3)] == [200, 200, 429]  # counted in this process
        pretender.cluster = pretender.as_a_cluster
        wait_until(lambda: "redis_found" in str(logged))
        assert left(person.get(TODOS)) == (1, 1)
    assert [entry["event"] for entry in logged].count("redis_lost") == 1


def test_longer_window_of_earlier_settings_ends_with_the_new_one(run_service: Any, shared_redis: RedisServer) -> None:
    sub = uuid.uuid4().hex
    with run_service(**with_redis(shared_redis, 9)) as running, shared_redis.client() as redis:
        running.wait_until_ready()
        redis.set(f"todo:requests:{sub}", 9, ex=86_400)
        assert left(running.person(sub).get(TODOS)) == (0, 3600)
        assert int(str(redis.ttl(f"todo:requests:{sub}"))) <= 3600


def test_name_that_is_looked_up_for_long_keeps_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The event loop has few threads for all names, and a resolver may take a minute to give up."""
    asked, given_up = [], threading.Event()
    real = socket.getaddrinfo

    def look_up(host: Any, *rest: Any, **more: Any) -> list[Any]:
        if host != "redis.invalid":
            return list(real(host, *rest, **more))
        asked.append(host)
        given_up.wait(60)
        raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")

    async def search() -> int:
        windows = SharedWindows(parse_redis_url("redis://redis.invalid"), prefix="todo", timeout=timedelta(0, 0, 1000))
        async with windows.running():
            while not asked:  # noqa: ASYNC110 - the condition becomes true in another thread
                await asyncio.sleep(0.01)
            for _ in range(30):
                await asyncio.sleep(0.01)
            given_up.set()
            return len(asked)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr("todo_service.limits.shared_windows._PAUSE", timedelta(0))
    assert asyncio.run(search()) == 1


UNREADABLE = ("redis://:hunter2[hunter2]@cache", "redis://:hunter2[@cache", "redis://:hunter2\u2100@cache")


@pytest.mark.parametrize("url", UNREADABLE, ids=["two brackets", "one bracket", "another letter"])
def test_refused_address_repeats_no_password(url: str) -> None:
    with pytest.raises(ValueError, match="percent-encoded") as refused:
        parse_redis_url(url)
    assert "hunter2" not in str(refused.value)
