"""Several servers per service, and addresses that change (rule G14 in README.md)."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from gateway import render
from gateway.tests import upstream
from gateway.tests.conftest import deaf_port
from gateway.tests.upstream import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.tests.conftest import RunningGateway, Starter
    from gateway.tests.upstream import Upstream

TODOS = "/api/v1/todos"


@pytest.fixture(scope="module")
def replicas() -> Iterator[list[Upstream]]:
    with ExitStack() as stack:
        yield [stack.enter_context(upstream.serve()) for _ in range(2)]


@pytest.fixture
def two(starter: Starter, replicas: list[Upstream]) -> Iterator[RunningGateway]:
    for replica in replicas:
        replica.forget()
    both = ", ".join(f"127.0.0.1:{replica.port}" for replica in replicas)
    with starter.start(todo_upstream=both, upstream_timeout="4s") as gateway:
        gateway.change("nginx.conf", "worker_processes auto;", "worker_processes 1;")  # else each counts for itself
        yield gateway


def test_replicas_take_turns(two: RunningGateway, replicas: list[Upstream]) -> None:
    two.statuses(10, TODOS, source="127.0.0.1")
    assert all(len(replica.seen) >= 3 for replica in replicas)  # of ten; another worker may begin with either


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_replica_that_is_gone_costs_nobody_anything(starter: Starter, replicas: list[Upstream], method: str) -> None:
    """Nothing was sent to the failed server, so any request may go to the other one."""
    with deaf_port() as gone:
        both = f"127.0.0.1:{gone},127.0.0.1:{replicas[0].port}"
        with starter.start(todo_upstream=both) as gateway:
            assert gateway.statuses(10, TODOS, method, source="127.0.0.1") == [200] * 10


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE"])
def test_what_is_idempotent_is_asked_again(two: RunningGateway, replicas: list[Upstream], method: str) -> None:
    """RFC 9110 §9.2.2. nginx cannot exclude a single method, so DELETE is repeated as well."""
    replicas[0].answers[TODOS] = Answer(delay=20)  # the gateway waits for four seconds
    assert {two.request(TODOS, method).status for _ in range(2)} == {200}


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_what_may_change_something_is_asked_once(two: RunningGateway, replicas: list[Upstream], method: str) -> None:
    """A server that does not answer in time may have carried out the request."""
    for replica in replicas:
        replica.answers[TODOS] = Answer(delay=20)
    assert two.request(TODOS, method).status == 504
    assert sum(len(replica.seen) for replica in replicas) == 1


@pytest.mark.parametrize("resolver", [None, "127.0.0.1:9"])
def test_routes_work_the_same_by_name_and_by_group(starter: Starter, resolver: str | None) -> None:
    """An IP address as upstream needs no name server."""
    with starter.start(resolver=resolver) as gateway:
        path = f"{TODOS}/%41%C3%A9?q=a%2Fb&&x"
        assert gateway.request(path).status == 200
        assert gateway.todo.paths == [path]


def test_name_that_nobody_knows_is_a_bad_gateway(starter: Starter) -> None:
    with starter.start(resolver="127.0.0.1:9", todo_upstream="todo.invalid:80") as gateway:
        gateway.change("upstreams.conf", "resolver_timeout 2s;", "resolver_timeout 200ms;")
        response = gateway.request(TODOS)
        assert (response.status, response.json()["status"]) == (502, 502)
        assert gateway.request("/api/auth/ok").status == 200


def test_every_route_goes_by_the_variables() -> None:
    """A route with a fixed group would not find a replaced container."""
    template = (Path(render.__file__).parent / "nginx.conf.template").read_text(encoding="utf-8")
    passes = re.findall(r"proxy_pass (.*?);", template)
    assert passes
    assert set(passes) == {"http://$auth", "http://$todo"}
