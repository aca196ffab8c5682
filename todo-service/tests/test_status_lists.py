"""The status lists in memory, fetched from an issuer that fails on command."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from atjwt.access_token import AccessToken, StatusReference
from atjwt.algorithms import VerificationKey
from atjwt.jwks import JwksCache
from atjwt.polling import Polling
from atjwt.refusals import InvalidToken, StatusUnknown
from atjwt.status_list import MAX_LENGTH, MAX_LISTS, Freshness
from atjwt.status_lists import StatusLists
from todo_fixtures.event_loop import in_a_loop, until
from todo_fixtures.issuer import JwksEndpoint, jwk, private_key
from todo_fixtures.service import QUICK, QUICK_POLLING
from todo_fixtures.status_lists import SIGNER, URI, StatusEndpoint, document, pack, statuses

# After the first poll none is due, so a test knows the cause of each further fetch.
ONCE = replace(QUICK_POLLING, interval=timedelta(days=1), between_hints=timedelta(milliseconds=20))


def access_token(index: int = 0, name: str = "1", *, iat: float | None = None, ttl: float = 300) -> AccessToken:
    begun = time.time() if iat is None else iat
    reference = StatusReference(f"{URI}/{name}", index)
    return AccessToken("alice", "web", "1", begun, begun + ttl, frozenset(), begun, reference)


@asynccontextmanager
async def running(
    jwks: JwksEndpoint, polling: Polling = QUICK_POLLING, saved_copy: Path | None = None
) -> AsyncIterator[StatusLists]:
    cache = JwksCache(f"{jwks.url}/.well-known/jwks.json", schedule=QUICK, saved_copy=jwks_file(saved_copy))
    made = StatusLists(
        URI, cache, fetched_from=f"{jwks.url}/oauth/status-lists", saved_copy=saved_copy, polling=polling
    )
    async with cache.running(), made.running():
        yield made


def jwks_file(saved_copy: Path | None) -> Path | None:
    return None if saved_copy is None else saved_copy.with_name("jwks.json")


def is_revoked(lists: StatusLists, index: int = 0, name: str = "1") -> bool:
    try:
        lists.check(access_token(index, name), now=time.time())
    except InvalidToken:
        return True
    except StatusUnknown:
        return False
    return False


def has(lists: StatusLists, *names: str) -> bool:
    return {held.uri for held in lists.held} == {f"{URI}/{name}" for name in names}


@in_a_loop
async def test_a_poll_brings_a_revocation(jwks: JwksEndpoint, lists: StatusEndpoint) -> None:
    async with running(jwks) as held:
        await until(lambda: has(held, "1"))
        assert held.check(access_token(5), now=time.time()) is Freshness.LIVE
        lists.revoke("1", 5)
        await until(lambda: is_revoked(held, 5))
        assert not is_revoked(held, 4)
        with pytest.raises(InvalidToken, match="the index is behind the end of the status list"):
            held.check(access_token(1024), now=time.time())


@in_a_loop
async def test_polls_are_conditional(jwks: JwksEndpoint, lists: StatusEndpoint) -> None:
    async with running(jwks) as held:
        await until(lambda: held.counts.fetches["unchanged"] > 2)
        assert held.counts.fetches["changed"] == 1
    assert all(etag for path, etag in lists.requests[2:])


@in_a_loop
async def test_a_new_list_is_found_and_a_retired_one_let_go(jwks: JwksEndpoint, lists: StatusEndpoint) -> None:
    async with running(jwks) as held:
        await until(lambda: has(held, "1"))
        lists.publish("2")
        await until(lambda: has(held, "1", "2"))
        del lists.documents["1"]
        await until(lambda: has(held, "2"))


@in_a_loop
async def test_a_list_that_nobody_holds_is_asked_for_once(jwks: JwksEndpoint, lists: StatusEndpoint) -> None:
    async with running(jwks, replace(ONCE, unknown_list_cooldown=timedelta(seconds=60))) as held:
        await until(lambda: has(held, "1"))
        for _ in range(1000):
            with pytest.raises(StatusUnknown):
                held.check(access_token(name="2"), now=time.time())
        await until(lambda: bool(lists.fetched("2")))
        lists.publish("3")
        assert not is_revoked(held, name="3")
        await until(lambda: has(held, "1", "3"))
    assert len(lists.fetched("2")) == 1


@in_a_loop
async def test_an_older_answer_is_left_alone(jwks: JwksEndpoint, lists: StatusEndpoint) -> None:
    """A cache can neither undo a revocation nor make a list look fresher than its signed `iat`."""
    lists.revoke("1", 5)
    async with running(jwks) as held:
        await until(lambda: is_revoked(held, 5))
        lists.documents["1"] = document("1", iat=int(time.time()) - 20)
        await until(lambda: held.counts.fetches["older"] > 0)
        assert is_revoked(held, 5)
        lists.documents["1"] = document(
            "1", iat=int(time.time()) + 5
        )  # by a node that lags behind, but whose clock is ahead
        await until(lambda: held.counts.fetches["changed"] > 1)
        assert is_revoked(held, 5)


@in_a_loop
async def test_what_is_revoked_counts_although_another_nodes_clock_is_ahead(
    jwks: JwksEndpoint, lists: StatusEndpoint
) -> None:
    """That node's list has the newest `iat` for a while, but lacks what the other node has revoked meanwhile."""
    ahead = int(time.time()) + 30
    lists.documents["1"] = document("1", [4], iat=ahead)
    async with running(jwks) as held:
        await until(lambda: is_revoked(held, 4))
        lists.documents["1"] = document("1", [5])
        await until(lambda: is_revoked(held, 5))
        assert is_revoked(held, 4)
        assert [each.iat for each in held.held] == [ahead]


UNUSABLE: dict[str, Callable[[StatusEndpoint], None]] = {
    "500": lambda lists: setattr(lists, "status", 500),
    "302": lambda lists: setattr(lists, "status", 302),
    "another-type": lambda lists: lists.talk_nonsense("application/jwt"),
    "an-access-tokens-key": lambda lists: lists.publish("1", signer="first"),
    "a-thiefs-key": lambda lists: lists.publish("1", signer="thief"),
    "another-list": lambda lists: lists.publish("1", sub=f"{URI}/2"),
    "a-bomb": lambda lists: lists.publish("1", status_list={"bits": 1, "lst": pack(bytes(2**26))}),
    "not-compressed": lambda lists: lists.publish("1", status_list={"bits": 1, "lst": "x"}),
    "truncated": lambda lists: lists.documents.update({"1": document()[:-10]}),
    "too-long": lambda lists: lists.publish("1", padding="x" * MAX_LENGTH),
    "too-old": lambda lists: lists.publish("1", iat=int(time.time()) - 400, exp=int(time.time()) - 61),
    "not-ascii": lambda lists: lists.documents.update({"1": "\xe9"}),
    "no-aggregation": lambda lists: setattr(lists, "aggregation", b'{"status_lists": []}'),
    "lists-elsewhere": lambda lists: setattr(lists, "aggregation", b'{"status_lists": ["https://evil/1"]}'),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_what_is_unusable_changes_nothing(jwks: JwksEndpoint, lists: StatusEndpoint, name: str) -> None:
    @in_a_loop
    async def run() -> None:
        async with running(jwks) as held:
            await until(lambda: has(held, "1"))
            UNUSABLE[name](lists)
            await until(lambda: held.counts.fetches["failed"] > 0)
            assert has(held, "1")
            assert held.check(access_token(), now=time.time()) is Freshness.LIVE

    run()


@pytest.mark.parametrize("seconds", [-30, 30])
def test_clocks_may_be_half_a_minute_apart(jwks: JwksEndpoint, lists: StatusEndpoint, seconds: int) -> None:
    """Revocations still take effect, and no list counts as old."""

    @in_a_loop
    async def run() -> None:
        async with running(jwks) as held:
            signed_at = int(time.time()) + seconds
            lists.revoked["1"] = {5}
            lists.publish("1", iat=signed_at, exp=signed_at + 300)
            await until(lambda: is_revoked(held, 5))
            assert held.check(access_token(4), now=time.time()) is Freshness.LIVE

    run()


@in_a_loop
async def test_a_list_goes_with_its_key(jwks: JwksEndpoint, lists: StatusEndpoint) -> None:
    """Lists signed by a withdrawn key are dropped, even if no newer list has been fetched."""
    async with running(jwks) as held:
        await until(lambda: has(held, "1"))
        jwks.keys = [jwk("first"), jwk("second", signs="statuslist+jwt")]
        await held._jwks._fetch_once()
        await until(lambda: has(held))
        lists.publish("1", signer="second")
        await until(lambda: has(held, "1"))


@in_a_loop
async def test_a_new_status_key_is_learnt(jwks: JwksEndpoint, lists: StatusEndpoint) -> None:
    async with running(jwks) as held:
        await until(lambda: has(held, "1"))
        jwks.keys.append(jwk("second", signs="statuslist+jwt"))
        lists.revoked["1"] = {5}
        lists.publish("1", signer="second")
        await until(lambda: is_revoked(held, 5))


@in_a_loop
async def test_a_hint_is_followed_at_once(jwks: JwksEndpoint, lists: StatusEndpoint) -> None:
    async with running(jwks, ONCE) as held:
        await until(lambda: has(held, "1"))
        lists.revoke("1", 5, version=7)
        held.hint(f"{URI}/1", 7)
        await until(lambda: is_revoked(held, 5))
        held.hint(f"{URI}/1", 7)
        held.hint(f"{URI}/nobody", 1)
    assert lists.fetched("1") == ["/oauth/status-lists/1", "/oauth/status-lists/1?v=7"]
    assert held.counts.hints == {"followed": 1, "known": 1, "foreign": 1}


@in_a_loop
async def test_a_hint_is_followed_until_no_cache_on_the_way_answers_with_less(
    jwks: JwksEndpoint, lists: StatusEndpoint
) -> None:
    """auth-service's gateway keeps a list for a second, whatever version is asked for."""
    async with running(jwks, ONCE) as held:
        await until(lambda: has(held, "1"))
        lists.cache()
        lists.revoke("1", 5, version=7)
        held.hint(f"{URI}/1", 7)
        await until(lambda: len(lists.fetched("1")) > 3)
        assert not is_revoked(held, 5)
        lists.cached.clear()
        await until(lambda: is_revoked(held, 5))
        fetched = len(lists.fetched("1"))
        held.hint(f"{URI}/1", 8)
        await until(lambda: len(lists.fetched("1")) > fetched)
    assert held.counts.hints == {"followed": 2, "known": 0, "foreign": 0}


@in_a_loop
async def test_a_flood_of_hints_and_versions_that_do_not_exist(jwks: JwksEndpoint, lists: StatusEndpoint) -> None:
    """After a thousand wrong hints a right one is still followed; a wrong one ends after a while."""
    async with running(jwks, replace(ONCE, cached_for=timedelta(milliseconds=50))) as held:
        await until(lambda: has(held, "1"))
        for version in range(10**12, 10**12 + 1000):
            held.hint(f"{URI}/1", version)
        await until(lambda: held.counts.hints["followed"] > 0 and not held._wanted)
        await asyncio.sleep(0.1)
        assert len(lists.fetched("1")) <= 6  # the poll's, and one every 20 ms
        lists.revoke("1", 5)
        held.hint(f"{URI}/1", 1)
        await until(lambda: is_revoked(held, 5))


@in_a_loop
async def test_hints_are_bounded_by_the_number_of_lists(jwks: JwksEndpoint, lists: StatusEndpoint) -> None:
    async with running(jwks, ONCE) as held:
        await until(lambda: has(held, "1"))
        for name in range(10 * MAX_LISTS):
            assert not is_revoked(held, name=f"unknown-{name}")
        assert len(held._wanted) <= MAX_LISTS
        assert len(held._asked_at) <= MAX_LISTS


@in_a_loop
async def test_a_restart_begins_with_the_copy_on_disk(
    jwks: JwksEndpoint, lists: StatusEndpoint, tmp_path: Path
) -> None:
    copy = tmp_path / "status_lists.json"
    lists.revoke("1", 5)
    async with running(jwks, saved_copy=copy) as held:
        await until(lambda: is_revoked(held, 5) and copy.exists() and (tmp_path / "jwks.json").exists())
    lists.status = 500
    async with running(jwks, saved_copy=copy) as held:
        assert is_revoked(held, 5)
        assert not is_revoked(held, 4)
        assert has(held, "1")


@in_a_loop
async def test_a_clock_that_is_set_back_shuts_nothing_for_longer_than_a_fetch(
    jwks: JwksEndpoint, lists: StatusEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list of before the change is from the future now, so the next one replaces it although it is older."""
    lists.revoke("1", 5)
    async with running(jwks) as held:
        await until(lambda: is_revoked(held, 5))
        earlier = time.time() - 3600
        monkeypatch.setattr(held, "_clock", lambda: earlier)
        lists.documents["1"] = document("1", [6], iat=int(earlier), exp=int(earlier) + 300)
        await until(lambda: [each.iat for each in held.held] == [int(earlier)])
        assert is_revoked(held, 5)
        assert is_revoked(held, 6)


@in_a_loop
async def test_another_issuers_copy_is_not_used(jwks: JwksEndpoint, lists: StatusEndpoint, tmp_path: Path) -> None:
    """Its epoch, which may be much newer, would end every list of this issuer."""
    copy = tmp_path / "status_lists.json"
    async with running(jwks, saved_copy=copy) as held:
        await until(lambda: has(held, "1") and copy.exists() and (tmp_path / "jwks.json").exists())
        newer = held._epochs.newest + 1
    copy.write_text(json.dumps({"prefix": "https://other.example.com/oauth/status-lists/", "epoch": newer}))
    async with running(jwks, saved_copy=copy) as held:
        assert held._epochs.newest < newer
        await until(lambda: has(held, "1"))


DAMAGED = {
    "empty": "",
    "not-json": "{",
    "a-list": "[]",
    "numbers": json.dumps({f"{URI}/1": 1}),
    "elsewhere": json.dumps({"https://evil.example.com/1": "x"}),
    "unsigned": json.dumps({f"{URI}/1": "a.b.c"}),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_copy_is_not_used(jwks: JwksEndpoint, lists: StatusEndpoint, tmp_path: Path, name: str) -> None:
    @in_a_loop
    async def run() -> None:
        copy = tmp_path / "status_lists.json"
        async with running(jwks, saved_copy=copy) as held:
            await until(lambda: has(held, "1") and copy.exists() and (tmp_path / "jwks.json").exists())
        copy.write_text(DAMAGED[name])
        lists.status = 500
        async with running(jwks, saved_copy=copy) as held:
            assert has(held)
        assert lists.requests

    run()


def test_the_checks_cost_stays_below_a_microsecond_or_so(jwks: JwksEndpoint) -> None:
    """This only checks the order of magnitude; `bench verify` measures it exactly."""
    held = StatusLists(URI, JwksCache(jwks.url))
    now, begun = time.time(), time.time()
    list_ = asyncio.run(_made(held, document("1", [5])))
    assert list_ == statuses([5])
    token_ = access_token(7, iat=begun)
    best = min(_seconds(lambda: held.check(token_, now=now)) for _ in range(20))
    assert best < 20e-6


def _seconds(act: Callable[[], object]) -> float:
    begun = time.thread_time()
    for _ in range(100):
        act()
    return (time.thread_time() - begun) / 100


async def _made(held: StatusLists, text: str) -> bytes:
    from atjwt import status_list

    parsed = status_list.verify(
        text, uri=f"{URI}/1", keys={SIGNER: VerificationKey(private_key(SIGNER).public_key())}, now=time.time()
    )
    held._swap(parsed.uri, parsed, None)
    return parsed.statuses
