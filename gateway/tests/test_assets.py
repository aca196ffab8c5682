"""Files of pages outlive the version that they belong to (rule G21 in README.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from gateway.tests import upstream
from gateway.tests.conftest import deaf_port
from gateway.tests.upstream import Answer

if TYPE_CHECKING:
    from gateway.tests.conftest import Starter

IMMUTABLE = {"Cache-Control": "public, max-age=31536000, immutable", "Vary": "Accept-Encoding", "ETag": '"1"'}
KINDS = {"todo_upstream": ("/", "/assets/index-{}.js"), "auth_upstream": ("/signin", "/pages/style-{}.css")}


def serve_version(service: upstream.Upstream, page: str, own: str, others: list[str], served: Answer) -> None:
    """A build has its own files only."""
    service.answers |= {other: Answer(404, body=b"{}") for other in others}
    service.answers |= {page: Answer(body=own.encode()), own: served}


@pytest.mark.parametrize("upstreams", KINDS)
@pytest.mark.parametrize("replicas", [2, 4])
def test_page_and_its_files_may_come_from_replicas_of_two_versions(
    starter: Starter, upstreams: str, replicas: int
) -> None:
    """A rolling upgrade: one replica has the new version. Nothing is cached here, so each load asks the replicas."""
    page, pattern = KINDS[upstreams]
    old, new = pattern.format("0a"), pattern.format("0b")
    with upstream.serve() as first, upstream.serve() as second, upstream.serve() as third, upstream.serve() as fourth:
        services = [first, second, third, fourth][:replicas]
        addresses = ",".join(f"127.0.0.1:{each.port}" for each in services)
        with starter.start(**{upstreams: addresses}) as gateway:
            for service in services[1:]:
                serve_version(service, page, old, [new], Answer(body=b"old"))
            serve_version(services[0], page, new, [old], Answer(body=b"new"))
            for _ in range(20):
                name = gateway.request(page).body.decode()
                assert gateway.request(name).body == {old: b"old", new: b"new"}[name]


@pytest.mark.parametrize("upstreams", KINDS)
def test_file_outlives_its_version(starter: Starter, upstreams: str) -> None:
    """A page that was opened before the upgrade asks for it afterwards."""
    _, pattern = KINDS[upstreams]
    old, new = pattern.format("0a"), pattern.format("0b")
    with upstream.serve() as service, starter.start(**{upstreams: f"127.0.0.1:{service.port}"}) as gateway:
        service.answers[old] = Answer(headers=IMMUTABLE, body=b"old")
        assert gateway.request(old).body == b"old"
        serve_version(service, "/", new, [old], Answer(headers=IMMUTABLE, body=b"new"))
        assert [gateway.request(each).body for each in (old, new)] == [b"old", b"new"]
        assert gateway.request(old, headers={"If-None-Match": '"1"'}).status == 304


def test_missing_file_is_asked_for_once_at_each_replica_and_not_kept(starter: Starter) -> None:
    path = "/assets/none.js"
    with upstream.serve() as one, upstream.serve() as other:
        addresses = ",".join(f"127.0.0.1:{each.port}" for each in (one, other))
        with starter.start(todo_upstream=addresses) as gateway:
            for service in (one, other):
                service.answers[path] = Answer(404, {"Content-Type": "application/problem+json"}, b"{}")
            assert gateway.request(path).status == 404
            assert one.paths + other.paths == [path] * 2
            assert gateway.request(path).status == 404
            assert one.paths + other.paths == [path] * 4
            assert gateway.request("/").status == 200, "a 404 is no failure of the replica"


def test_missing_file_of_services_that_are_down_is_a_problem(starter: Starter) -> None:
    with deaf_port() as port, starter.start(todo_upstream=f"127.0.0.1:{port}") as gateway:
        assert gateway.request("/assets/none.js").status == 502


@pytest.mark.parametrize(
    ("sent", "forwarded"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("br;q=0, gzip", "gzip"),
        ("gzip;q=1.0, *;q=0", "gzip"),
        ("GZIP", "gzip"),
        ("br;q=0.5", "br"),
        ("gzip;q=0, br;q=0.0", None),
        ("x-unknown-1", None),
    ],
)
def test_a_file_is_kept_in_few_encodings(starter: Starter, sent: str, forwarded: str | None) -> None:
    """Whatever a client writes, a file has three copies at most; otherwise anybody could push the others out."""
    path = "/assets/index-0a.js"
    with starter.start() as gateway:
        gateway.todo.answers[path] = Answer(headers=IMMUTABLE, body=b"x")
        for each in (sent, f" {sent}", f"{sent}, x-0", f"x-1, {sent}"):
            assert gateway.request(path, headers={"Accept-Encoding": each}).status == 200
        assert [dict(seen["headers"]).get("Accept-Encoding") for seen in gateway.todo.seen] == [forwarded]
        gateway.request("/api/v1/todos", headers={"Accept-Encoding": sent})
        assert dict(gateway.todo.seen[-1]["headers"])["Accept-Encoding"] == sent
