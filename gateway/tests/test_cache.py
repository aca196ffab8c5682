"""Cached documents outlive auth-service for as long as their own headers allow (rule G10 in README.md)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from deploy.local.ports import free_port
from gateway.tests import upstream
from gateway.tests.conftest import deaf_port
from gateway.tests.test_problems import check
from gateway.tests.upstream import Answer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.tests.conftest import RunningGateway, Starter

JWKS = "/.well-known/jwks.json"
DOCUMENTS = [JWKS, "/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"]
HEADERS = {"ETag": '"1"', "Access-Control-Allow-Origin": "*", "Content-Type": "application/json"}


def keys(cache_control: str, body: bytes = b'{"keys":[]}') -> Answer:
    return Answer(headers={**HEADERS, "Cache-Control": cache_control}, body=body)


@pytest.fixture
def fresh(starter: Starter) -> Iterator[RunningGateway]:
    """A gateway with an empty cache."""
    with starter.start() as gateway:
        gateway.auth.forget()
        yield gateway


def test_cached_document_is_asked_for_once(fresh: RunningGateway) -> None:
    fresh.auth.answers[JWKS] = keys("public, max-age=60, s-maxage=5")
    responses = [fresh.request(JWKS + query, headers={"Origin": "http://x"}) for query in ("", "", "?v=1", "?v=2")]
    assert len(fresh.auth.paths) == 1
    for response in responses:
        assert response.body == b'{"keys":[]}'
        assert response.values("Access-Control-Allow-Origin") == ["*"]
        assert response.values("Cache-Control") == ["public, max-age=60, s-maxage=5"]
        assert len(response.values("X-Request-ID")) == 1


def test_a_status_list_is_kept_as_long_as_it_says_and_never_served_stale(fresh: RunningGateway) -> None:
    """A stale status list would make a verifier believe that it knows the latest revocations."""
    kept, path = "/oauth/status-lists/1", "/oauth/status-lists/2"
    fresh.auth.answers[kept] = keys("public, max-age=60, s-maxage=60")
    for query in ("", "?v=1", "?v=2"):
        assert fresh.request(kept + query).status == 200
    assert len(fresh.auth.paths) == 1
    fresh.auth.answers[path] = keys("public, max-age=1, s-maxage=1")
    assert fresh.request(path).status == 200
    fresh.auth.answers[path] = Answer(status=503)
    time.sleep(2.1)  # nginx counts in whole seconds
    assert fresh.request(path).status == 503


def test_document_without_permission_is_not_kept(fresh: RunningGateway) -> None:
    for answer in (Answer(body=b"{}"), keys("no-store"), keys("private, max-age=60")):
        fresh.auth.forget()
        fresh.auth.answers[JWKS] = answer
        fresh.statuses(2, JWKS, source="127.0.0.1")
        assert len(fresh.auth.paths) == 2


def test_conditional_request_is_answered_from_the_cache(fresh: RunningGateway) -> None:
    """RFC 9110 §13.1.2."""
    fresh.auth.answers[JWKS] = keys("max-age=60")
    fresh.request(JWKS)
    response = fresh.request(JWKS, headers={"If-None-Match": '"1"'})
    assert (response.status, len(fresh.auth.paths)) == (304, 1)


@pytest.mark.parametrize("condition", [{"If-Match": '"2"'}, {"If-Unmodified-Since": "Sat, 01 Jan 2000 00:00:00 GMT"}])
def test_failed_condition_is_a_problem(fresh: RunningGateway, condition: dict[str, str]) -> None:
    """RFC 9110 §13.1.1, §13.1.4: nginx itself evaluates the condition on the cached document."""
    answer = keys("max-age=60")
    modified = {"Last-Modified": "Sun, 02 Jan 2000 00:00:00 GMT"}
    fresh.auth.answers[JWKS] = Answer(headers={**answer.headers, **modified}, body=answer.body)
    for _ in range(2):
        check(fresh.request(JWKS, headers=condition), 412)


@pytest.mark.parametrize("asked", ["bytes=0-1", "bytes=900-", "bytes=0-0,2-3"])
def test_cached_document_is_given_whole(fresh: RunningGateway, asked: str) -> None:
    """RFC 9110 §14.2: a server may ignore Range. nginx would answer a range beyond the end in HTML."""
    fresh.auth.answers[JWKS] = Answer(headers={**keys("max-age=60").headers, "Accept-Ranges": "bytes"}, body=b"{}abcd")
    for _ in range(2):
        response = fresh.request(JWKS, headers={"Range": asked})
        assert (response.status, response.body) == (200, b"{}abcd")


def test_authorized_request_goes_past_the_cache_and_leaves_it_alone(fresh: RunningGateway) -> None:
    fresh.auth.answers[JWKS] = keys("max-age=60", b"old")
    fresh.request(JWKS)
    fresh.auth.answers[JWKS] = keys("max-age=60", b"new")
    assert fresh.request(JWKS, headers={"Authorization": "Bearer x"}).body == b"new"
    assert fresh.request(JWKS).body == b"old"


def test_stale_document_is_revalidated(fresh: RunningGateway) -> None:
    fresh.auth.answers[JWKS] = keys("s-maxage=1")
    fresh.request(JWKS)
    time.sleep(2.1)
    fresh.auth.answers[JWKS] = Answer(304, {"ETag": '"1"', "Cache-Control": "s-maxage=1"})
    assert fresh.request(JWKS).body == b'{"keys":[]}'
    assert dict(fresh.auth.seen[-1]["headers"])["If-None-Match"] == '"1"'


def test_documents_outlive_their_service_as_long_as_they_say_themselves(starter: Starter) -> None:
    """RFC 5861 §4."""
    port = free_port()
    with starter.start(auth_upstream=f"127.0.0.1:{port}") as gateway:
        keep(gateway, port, "max-age=60, s-maxage=1, stale-if-error=600")
        with deaf_port(port):
            time.sleep(2.1)
            for stale in map(gateway.request, DOCUMENTS):
                assert (stale.status, stale.body) == (200, b'{"keys":[]}')
        keep(gateway, port, "max-age=60, s-maxage=1, stale-if-error=1")
        with deaf_port(port):
            time.sleep(3.5)
            assert [gateway.request(path).status for path in DOCUMENTS] == [502] * len(DOCUMENTS)


def keep(gateway: RunningGateway, port: int, cache_control: str) -> None:
    """Run the service, and request each document once, so that it is cached."""
    with upstream.serve(port) as auth:
        for path in DOCUMENTS:
            auth.answers[path] = keys(cache_control)
            assert gateway.request(path).status == 200
        assert auth.paths == DOCUMENTS


def test_api_is_never_cached(gateway: RunningGateway) -> None:
    for service, path in ((gateway.todo, "/api/v1/todos"), (gateway.auth, "/api/auth/jwks")):
        service.answers[path] = keys("public, max-age=60")
        gateway.statuses(3, path, source="127.0.0.1")
        assert service.paths == [path] * 3
