"""The fetches of the key set (rules J of VERIFIER.md), from an issuer that fails on command."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from atjwt.jwks import Schedule, _read
from atjwt.key_set import UnusableKeySet
from atjwt.refusals import KeysUnavailable
from todo_fixtures.event_loop import in_a_loop, until
from todo_fixtures.issuer import JwksEndpoint, jwk, serve_jwks
from todo_fixtures.running_cache import running
from todo_fixtures.service import QUICK


@in_a_loop
async def test_the_first_set_is_fetched_in_the_background(jwks: JwksEndpoint) -> None:
    """J1, J13."""
    jwks.may_answer.clear()
    async with running(jwks) as it:
        with pytest.raises(KeysUnavailable):
            it.kids()
        jwks.may_answer.set()
        await it.until_kids("first")
    request = jwks.requests[0]
    assert request["path"] == "/.well-known/jwks.json"
    assert request["Accept-Encoding"] == "identity"
    assert not {"Cookie", "Authorization", "If-None-Match"} & request.keys()


@in_a_loop
async def test_a_refresh_is_conditional_and_304_renews(jwks: JwksEndpoint) -> None:
    """J3, J15: the same keys stay the same objects."""
    async with running(jwks, replace(QUICK, interval=timedelta(milliseconds=10))) as it:
        await it.until_kids("first")
        before = it.cache.get_key_set()
        it.clock.now += 100
        await until(lambda: it.cache.get_key_set().fetched_at == it.clock.now)
        assert it.cache.get_key_set().keys is before.keys
    assert jwks.statuses[:1] == [200]
    assert set(jwks.statuses[1:]) == {304}
    assert jwks.requests[1]["If-None-Match"]


@in_a_loop
async def test_the_same_document_again_keeps_the_key_objects(jwks: JwksEndpoint) -> None:
    """J15: key objects are made once per set, so cached tokens stay valid after a refresh."""
    async with running(jwks, replace(QUICK, interval=timedelta(milliseconds=10))) as it:
        await it.until_kids("first")
        before = it.cache.get_key_set().keys
        jwks.knows_etags = False
        await until(lambda: jwks.statuses.count(200) > 2)
        assert it.cache.get_key_set().keys is before


def test_pauses_are_jittered_and_back_off_to_a_minute() -> None:
    """J3, J7."""
    schedule = Schedule()
    regular = [schedule.pause(0) for _ in range(200)]
    assert 27 <= min(regular) < 28.5 < 31.5 < max(regular) <= 33
    for failures, longest in [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (1000, 60)]:
        pauses = [schedule.pause(failures) for _ in range(200)]
        assert longest / 2 <= min(pauses) < max(pauses) <= longest
        assert max(pauses) - min(pauses) > longest / 4


def test_the_default_wait_is_a_second_and_a_fetch_three() -> None:
    """J5, J13."""
    assert Schedule().forced_wait == timedelta(seconds=1)
    assert (Schedule().connect_timeout, Schedule().total_timeout) == (timedelta(seconds=1), timedelta(seconds=3))


@in_a_loop
async def test_an_endless_answer_is_not_read_to_its_end() -> None:
    """J8: no more than 64 KiB are read."""
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        while True:
            read += 1024
            yield bytes(1024)
            await asyncio.sleep(0)

    with pytest.raises(UnusableKeySet, match="64 KiB"):
        await asyncio.wait_for(_read(httpx2.Response(200, content=endless())), 5)
    assert read == 65 * 1024


@pytest.mark.parametrize(
    "broken",
    [
        pytest.param({"status": 500}, id="500"),
        pytest.param({"status": 404}, id="404"),
        pytest.param({"status": 302, "headers": {"Location": "/elsewhere"}}, id="redirect"),
        pytest.param({"body": b"<html>"}, id="html"),
        pytest.param({"body": b'{"keys":[]}'}, id="J8-no-keys"),
        pytest.param({"body": b" " * 70_000}, id="J8-too-long"),
        pytest.param({"keys": [jwk("second", use="enc")]}, id="J8-none-usable"),
        pytest.param({"keys": [jwk("first", kid=str(kid)) for kid in range(33)]}, id="J8-too-many"),
        pytest.param({"headers": {"Content-Encoding": "gzip"}, "keys": [jwk("second")]}, id="encoded"),
        pytest.param({"headers": {"Content-Encoding": "br"}, "body": b"x"}, id="encoded-unknown"),
    ],
)
@in_a_loop
async def test_a_bad_answer_leaves_the_old_set(jwks: JwksEndpoint, broken: dict[str, Any]) -> None:
    """J7, J8, J13: no redirect is followed, and no more than 64 KiB are read."""
    async with running(jwks, replace(QUICK, interval=timedelta(milliseconds=10))) as it:
        await it.until_kids("first")
        before = it.cache.get_key_set().keys
        for name, value in broken.items():
            setattr(jwks, name, value)
        answered = len(jwks.requests)
        await until(lambda: len(jwks.requests) >= answered + 3)
        assert it.cache.get_key_set().keys is before
        assert {request["path"] for request in jwks.requests} == {"/.well-known/jwks.json"}


@in_a_loop
async def test_a_hanging_fetch_is_given_up(jwks: JwksEndpoint) -> None:
    """J13."""
    async with running(jwks, replace(QUICK, total_timeout=timedelta(milliseconds=500))) as it:
        jwks.may_answer.clear()
        await until(lambda: len(jwks.requests) >= 3)
        jwks.may_answer.set()
        await it.until_kids("first")


@in_a_loop
async def test_the_set_is_trusted_for_a_day_after_the_last_success(jwks: JwksEndpoint) -> None:
    """J7: after a day without a success no token is accepted; the next successful fetch ends this."""
    async with running(jwks, replace(QUICK, interval=timedelta(milliseconds=10))) as it:
        await it.until_kids("first")
        jwks.status = 500
        answered = len(jwks.requests)
        await until(lambda: len(jwks.requests) >= answered + 2)
        it.clock.now += 86_400
        assert it.kids() == ["first"]
        it.clock.now += 1
        with pytest.raises(KeysUnavailable):
            it.kids()
        jwks.status = 200
        await it.until_kids("first")


@in_a_loop
async def test_a_withdrawn_key_is_gone_with_the_next_fetch(jwks: JwksEndpoint) -> None:
    """J11."""
    jwks.keys = [jwk("first"), jwk("second")]
    async with running(jwks, replace(QUICK, interval=timedelta(milliseconds=10))) as it:
        await it.until_kids("first", "second")
        jwks.keys = [jwk("second")]
        await it.until_kids("second")


@in_a_loop
async def test_what_was_handed_out_does_not_change_under_a_swap(jwks: JwksEndpoint) -> None:
    """J15."""
    async with running(jwks) as it:
        await it.until_kids("first")
        held = it.cache.get_key_set()
        jwks.keys = [jwk("second")]
        assert await it.cache.learn("second")
        assert (list(held.keys), it.kids()) == (["first"], ["second"])


@in_a_loop
async def test_a_restart_begins_with_the_copy_on_disk(jwks: JwksEndpoint, tmp_path: Path) -> None:
    """J2."""
    path = tmp_path / "jwks.json"
    async with running(jwks, saved_copy=path) as it:
        await it.until_kids("first")
        await until(path.exists)
    jwks.status = 500
    async with running(jwks, saved_copy=path) as it:
        assert it.kids() == ["first"]
        it.clock.now += 86_401
        assert not it.has()


@in_a_loop
async def test_the_copy_is_conditional_too(jwks: JwksEndpoint, tmp_path: Path) -> None:
    """J2, J3: the copy has the ETag, so the first fetch after a restart gets a 304."""
    async with running(jwks, saved_copy=tmp_path / "jwks.json") as it:
        await it.until_kids("first")
        await until((tmp_path / "jwks.json").exists)
    async with running(jwks, saved_copy=tmp_path / "jwks.json"):
        await until(lambda: len(jwks.statuses) == 2)
    assert jwks.statuses == [200, 304]


@pytest.mark.parametrize("obstacle", ["damaged", "directory", "missing-directory"])
@in_a_loop
async def test_no_copy_is_no_obstacle(jwks: JwksEndpoint, tmp_path: Path, obstacle: str) -> None:
    path = tmp_path / "jwks.json"
    if obstacle == "damaged":
        path.write_text("{")
    elif obstacle == "directory":
        path.mkdir()
    else:
        path = tmp_path / "missing" / "jwks.json"
    async with running(jwks, saved_copy=path) as it:
        await it.until_kids("first")


@in_a_loop
async def test_proxies_of_the_environment_are_not_used(jwks: JwksEndpoint) -> None:
    """J13."""
    with pytest.MonkeyPatch.context() as environment, serve_jwks() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            environment.setenv(name, proxy.url)
        async with running(jwks) as it:
            await it.until_kids("first")
        assert proxy.requests == []


@in_a_loop
async def test_cookies_of_the_issuer_are_not_kept(jwks: JwksEndpoint) -> None:
    """J13."""
    jwks.headers = {"Set-Cookie": "a=b; Path=/"}
    async with running(jwks, replace(QUICK, interval=timedelta(milliseconds=10))):
        await until(lambda: len(jwks.requests) >= 3)
    assert not any("Cookie" in request for request in jwks.requests)
