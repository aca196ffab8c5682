"""The cost of unknown key ids (rules J4 to J6 of VERIFIER.md)."""

import asyncio
from dataclasses import replace
from datetime import timedelta

from atjwt.jwks import UnknownKids
from todo_fixtures.event_loop import in_a_loop, until
from todo_fixtures.issuer import JwksEndpoint, jwk
from todo_fixtures.running_cache import NEVER, ONCE, running


@in_a_loop
async def test_a_new_kid_is_learned_by_one_fetch_that_all_share(jwks: JwksEndpoint) -> None:
    """J5. A scheduled fetch has just ended; it does not count for the cooldown."""
    async with running(jwks) as it:
        await it.until_kids("first")
        jwks.keys.append(jwk("second"))
        assert await asyncio.gather(*(it.cache.learn("second") for _ in range(50))) == [True] * 50
    assert len(jwks.requests) == 2


@in_a_loop
async def test_a_fetch_that_began_before_does_not_answer_for_a_new_kid(jwks: JwksEndpoint) -> None:
    """J5: the response to a fetch in progress may be older than the key, so another fetch follows it."""
    async with running(jwks) as it:
        await until(lambda: len(jwks.requests) == 1)
        await it.until_kids("first")
        it.monotonic.now += 31
        it.cache._fetching = asyncio.create_task(asyncio.sleep(0.05, result=True))  # without the new key
        jwks.keys.append(jwk("second"))
        assert await it.cache.learn("second")
    assert len(jwks.requests) == 2


@in_a_loop
async def test_a_flood_of_unknown_kids_costs_one_fetch_in_30_seconds(jwks: JwksEndpoint) -> None:
    """J5."""
    async with running(jwks) as it:
        await it.until_kids("first")
        for second in range(60):
            it.monotonic.now += 0.99
            answers = await asyncio.gather(*(it.cache.learn(f"{second} {kid}") for kid in range(10)))
            assert not any(answers)
            assert it.kids() == ["first"]
    assert len(jwks.requests) == 1 + 2


@in_a_loop
async def test_the_cooldown_counts_from_the_attempt_not_the_success(jwks: JwksEndpoint) -> None:
    """J5: an issuer that is down is not flooded with requests."""
    async with running(jwks) as it:
        await it.until_kids("first")
        jwks.status = 500
        for _ in range(20):
            assert not await it.cache.learn("second")
        assert len(jwks.requests) == 2
        jwks.status = 200
        jwks.keys.append(jwk("second"))
        it.monotonic.now += 29.9
        assert not await it.cache.learn("second")
        it.monotonic.now += 0.2
        assert await it.cache.learn("second")


@in_a_loop
async def test_a_caller_waits_a_second_at_most_and_then_no_more(jwks: JwksEndpoint) -> None:
    """J5: the wait is limited, and the fetch continues. J4: known keys can still be used meanwhile."""
    async with running(jwks, replace(ONCE, forced_wait=timedelta(milliseconds=50))) as it:
        await it.until_kids("first")
        jwks.keys.append(jwk("second"))
        jwks.may_answer.clear()
        assert await asyncio.gather(*(it.cache.learn("second") for _ in range(20))) == [False] * 20
        assert it.kids() == ["first"]
        assert jwks.statuses == [200], "the issuer has not answered yet"
        jwks.may_answer.set()
        await it.until_kids("first", "second")
    assert len(jwks.requests) == 2


@in_a_loop
async def test_a_kid_that_was_asked_for_is_not_asked_for_again_for_a_minute(jwks: JwksEndpoint) -> None:
    """J6."""
    async with running(jwks) as it:
        await it.until_kids("first")
        assert not await it.cache.learn("nobody")
        it.monotonic.now += 31
        assert not await it.cache.learn("nobody")
        assert len(jwks.requests) == 2
        it.monotonic.now += 30
        assert not await it.cache.learn("nobody")
        assert len(jwks.requests) == 3


@in_a_loop
async def test_a_changed_set_makes_every_kid_worth_asking_again(jwks: JwksEndpoint) -> None:
    """J6."""
    async with running(jwks, replace(ONCE, unknown_kid_ttl=NEVER)) as it:
        await it.until_kids("first")
        assert not await it.cache.learn("third")
        it.monotonic.now += 31
        jwks.keys.append(jwk("second"))
        assert await it.cache.learn("second")
        it.monotonic.now += 31
        jwks.keys.append(jwk("third"))
        assert await it.cache.learn("third")


@in_a_loop
async def test_a_kid_is_not_given_up_because_the_issuer_failed(jwks: JwksEndpoint) -> None:
    """J6: only a successful fetch shows that a key does not exist."""
    async with running(jwks) as it:
        await it.until_kids("first")
        jwks.status = 503
        assert not await it.cache.learn("second")
        jwks.status = 200
        jwks.keys.append(jwk("second"))
        it.monotonic.now += 31
        assert await it.cache.learn("second")


def test_unknown_kids_are_capped_and_the_least_recent_goes() -> None:
    """J6."""
    unknown = UnknownKids(timedelta(seconds=60))
    for kid in range(256):
        unknown.add(str(kid), 0)
    assert unknown.has("0", 59.9)
    unknown.add("256", 0)
    assert (len(unknown), unknown.has("0", 1), unknown.has("1", 1)) == (256, True, False)
    assert not unknown.has("2", 60)
