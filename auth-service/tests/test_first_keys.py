"""The first key of an algorithm: made when it is used, published before it signs, retired when nobody uses it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from auth_service.keys.encryption import UnreadableKey
from auth_service.keys.past import find_hint_key
from auth_service.keys.ring import KeyRing, open_ring
from auth_service.keys.rotation import (
    PROCESSES_RELOADED,
    RotationRefused,
    SpareTooYoung,
    rotate_keys,
    withdraw_active_key,
)
from auth_service.keys.signing import KeyStore, open_token_stores
from auth_service.oauth.algorithms import ALGORITHMS, ES256, PS256, RS256
from auth_service.sealed.versioned_secrets import parse_secrets
from auth_service.store.database import open_database
from auth_service.worker.schedule import KeySchedule, Pace, rotate_all_when_due

from .conftest import KEY_ENCRYPTION_KEYS, Clock, Start, Store
from .oauth_client import register
from .registry import API
from .test_verifiers import report

DAYS, HOUR = timedelta(days=30), timedelta(hours=1)
TTL = timedelta(minutes=5)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[dict[str, KeyStore]]:
    """The stores by algorithm."""
    database = open_database(url)
    try:
        stores = open_token_stores(database, parse_secrets(KEY_ENCRYPTION_KEYS), longest_token_ttl=TTL)
        yield {store.alg: store for store in stores}
    finally:
        await database.close()


async def open_all(stores: dict[str, KeyStore], clock: Clock) -> KeyRing:
    return await open_ring(*stores.values(), now=clock())


async def check(stores: dict[str, KeyStore], clock: Clock) -> None:
    """As the worker does every minute."""
    each = [KeySchedule(store.database, store, clock, Pace(DAYS, HOUR)) for store in stores.values()]
    await rotate_all_when_due(each)


async def states(store: KeyStore) -> list[str]:
    return [key.state for key in await store.list_keys()]


def use(url: str, *algorithms: str) -> None:
    """Register an API for each algorithm."""
    for alg in algorithms:
        api = {"resource": f"https://{alg.lower()}.example", "name": alg, "scopes": {f"{alg}:read": "Read"}}
        done = Store(url).command("resources", "create", stdin=json.dumps({**api, "access_token_signing_alg": alg}))
        assert done.returncode == 0, done.stderr
        Store(url).execute(f"DELETE FROM signing_keys WHERE purpose = 'tokens {alg}'")


def test_nothing_is_made_for_an_algorithm_that_nobody_uses(sqlite_url: str) -> None:
    async def run() -> None:
        clock = Clock()
        async with opened(sqlite_url) as stores:
            ring = await open_all(stores, clock)
            await check(stores, clock)
            assert list(ring.current.sets) == [RS256]
            assert [await states(store) for store in stores.values()] == [["active", "next"], [], []]

    asyncio.run(run())


@pytest.mark.parametrize("alg", [ES256, PS256])
def test_the_first_key_is_published_for_an_hour_before_it_signs_and_rs256_signs_until_then(
    database_url: str, alg: str
) -> None:
    use(database_url, alg)

    async def run() -> None:
        clock = Clock()
        clock.stop()
        async with opened(database_url) as stores:
            ring = await open_all(stores, clock)
            assert await stores[alg].create_first(now=clock())
            assert not await stores[alg].create_first(now=clock()), "there is one already"
            await ring.reload(now=clock())
            [published] = [key for key in ring.current.public_jwks if key["alg"] == alg]
            assert ring.current.signer(alg) == ring.current.active
            clock.advance(minutes=59)
            await check(stores, clock)
            assert await states(stores[alg]) == ["next"]
            clock.advance(minutes=1)
            await check(stores, clock)
            await ring.reload(now=clock())
            signer = ring.current.signer(alg)
            assert (signer.alg, signer.kid) == (alg, published["kid"])
            assert await states(stores[alg]) == ["active", "next"], "from now on there is a spare"
            assert ring.current.active.alg == RS256

    asyncio.run(run())


def test_the_first_key_waits_for_every_verifier_however_long(start: Start, sqlite_url: str) -> None:
    """A verifier that cannot use the algorithm would refuse all tokens, so this delay has no end."""
    service = start(sqlite_url)
    use(sqlite_url, ES256)
    service.forget()
    client, clock = register(service, protected_resource="https://es256.example"), service.clock
    other = register(service, protected_resource=API)

    async def run() -> None:
        async with opened(sqlite_url) as stores:
            await stores[ES256].create_first(now=clock())
            [key] = await stores[ES256].list_keys()
            clock.advance(hours=30)
            for each in (client, other):
                assert report(each, "rs256-key").status_code == 204
            await check(stores, clock)
            assert await states(stores[ES256]) == ["next"]
            assert report(client, f"rs256-key {key.kid}").status_code == 204
            await check(stores, clock)
            assert await states(stores[ES256]) == ["active", "next"], "another API's verifier need not know the key"

    asyncio.run(run())


def test_by_command_too_the_first_key_signs_only_when_our_own_processes_publish_it(sqlite_url: str) -> None:
    async def run() -> None:
        clock = Clock()
        clock.stop()
        async with opened(sqlite_url) as stores:
            store = stores[ES256]
            with pytest.raises(RotationRefused, match="no ES256 key: no API and no client uses this algorithm"):
                await rotate_keys(store.database, store, clock, published_for=timedelta(0))
            await store.create_first(now=clock())
            with pytest.raises(SpareTooYoung):
                await rotate_keys(store.database, store, clock, published_for=timedelta(0))
            clock.advance(seconds=PROCESSES_RELOADED.total_seconds())
            with pytest.raises(RotationRefused):
                await withdraw_active_key(store.database, store, clock)
            rotation = await rotate_keys(store.database, store, clock, published_for=timedelta(0))
            assert rotation.replaced is None
            assert await states(store) == ["active", "next"]

    asyncio.run(run())


def test_eight_that_need_the_first_key_at_once_agree_on_one(database_url: str) -> None:
    async def run() -> None:
        clock = Clock()
        async with opened(database_url) as stores:
            made = await asyncio.gather(*(stores[ES256].create_first(now=clock()) for _ in range(8)))
            assert sum(made) == 1
            assert await states(stores[ES256]) == ["next"]

    asyncio.run(run())


def test_keys_that_nobody_uses_any_more_retire_and_still_verify_what_they_signed(sqlite_url: str) -> None:
    use(sqlite_url, ES256)

    async def run() -> None:
        clock = Clock()
        clock.stop()
        async with opened(sqlite_url) as stores:
            ring, store = await open_all(stores, clock), stores[ES256]
            await store.create_first(now=clock())
            clock.advance(hours=1)
            await check(stores, clock)
            active, spare = (key.kid for key in await store.list_keys())
            Store(sqlite_url).execute(f"DELETE FROM resources WHERE access_token_signing_alg = '{ES256}'")
            await check(stores, clock)
            assert await states(store) == ["retiring"]
            await ring.reload(now=clock())
            assert [key["kid"] for key in ring.current.public_jwks if key["alg"] == ES256] == [active]
            assert ring.current.signer(ES256) == ring.current.active
            clock.advance(seconds=store.retiring_max_age.total_seconds())
            await ring.reload(now=clock())
            assert list(ring.current.sets) == [RS256]
            assert await find_hint_key(store.database, active, now=clock()) is not None
            assert await find_hint_key(store.database, spare, now=clock()) is None
            await asyncio.to_thread(use, sqlite_url, PS256)
            await check(stores, clock)
            assert await states(store) == ["retiring"], "another algorithm's use makes none"
            assert await store.create_first(now=clock()), "the algorithm is used again"
            assert await states(store) == ["retiring", "next"]

    asyncio.run(run())


def test_a_key_of_one_algorithm_that_cannot_be_decrypted_does_not_keep_the_others_from_rotating(
    sqlite_url: str,
) -> None:
    use(sqlite_url, PS256, ES256)

    async def run() -> None:
        clock = Clock()
        async with opened(sqlite_url) as stores:
            for alg in (PS256, ES256):
                await stores[alg].create_first(now=clock())
            clock.advance(hours=1)
            Store(sqlite_url).execute(
                "UPDATE signing_keys SET encryption_key_version = 9 WHERE purpose = 'tokens PS256'"
            )
            with pytest.raises(UnreadableKey, match="needs version 9"):
                await check(stores, clock)
            assert [await states(stores[alg]) for alg in ALGORITHMS] == [
                ["active", "next"],
                ["next"],
                ["active", "next"],
            ]

    asyncio.run(run())
