"""Key rotation: one at a time, running services notice it, and no valid token is refused (ROTATION.md)."""

import asyncio
import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import httpx2
import jwt
import pytest

from auth_service.keys.encryption import UnreadableKey
from auth_service.keys.past import find_hint_key
from auth_service.keys.ring import RELOAD_PERIOD, open_ring
from auth_service.keys.rotation import PROCESSES_RELOADED, Rotation, RotationRefused, SpareTooYoung, rotate_keys
from auth_service.keys.signing import RETIRING_MARGIN, KeyStore
from auth_service.sealed.versioned_secrets import parse_secrets
from auth_service.store.database import open_database
from auth_service.store.instants import utc_now

from .conftest import ISSUER, KEY_ENCRYPTION_KEYS, Clock, Start, Store
from .waiting import wait_until

TTL, HOUR = timedelta(minutes=5), timedelta(hours=1)
LONG_AGO = "2026-01-01 00:00:00.000000"
NEWER = "c29tZXRoaW5nZWxzZQ-4Zq8Jt2vXw7LrKn5"


def age(service: Store) -> None:
    """Make the keys old: the active one older than the spare."""
    service.execute(f"UPDATE signing_keys SET created_at = '{LONG_AGO}', activated_at = '{LONG_AGO}'")
    later = LONG_AGO.replace("01-01", "01-02")
    service.execute(f"UPDATE signing_keys SET created_at = '{later}', activated_at = NULL WHERE state = 'next'")


def published(client: httpx2.Client) -> list[str]:
    """The ids of the published keys for tokens."""
    return [key["kid"] for key in client.get("/jwks").json()["keys"] if "signs" not in key]


def listed(service: Store) -> list[dict[str, str]]:
    lines = service.command("keys", "list").stdout.splitlines()
    return [key for key in map(json.loads, lines) if key["purpose"] == "tokens"]


def fresh_kid(client: httpx2.Client) -> str:
    kid: str = jwt.get_unverified_header(client.get("/token").json()["token"])["kid"]
    return kid


def test_running_services_pick_a_rotation_up_and_never_sign_with_what_another_does_not_publish(
    start: Start, database_url: str, quick_reload: timedelta
) -> None:
    services = [start(database_url), start(database_url)]
    age(services[0])
    clients = [service.signed_up() for service in services]
    old = clients[0].get("/token").json()["token"]
    active, spare = published(clients[0])
    rotated = services[0].command("keys", "rotate")
    assert (rotated.returncode, rotated.stderr) == (0, "")
    record = json.loads(rotated.stdout)
    assert (record["retiring"], record["active"]) == (active, spare)

    deadline = time.monotonic() + 60
    while any(fresh_kid(client) != spare for client in clients) or any(
        published(client) != [active, spare, record["next"]] for client in clients
    ):
        for signs in clients:
            kid = fresh_kid(signs)
            assert all(kid in published(publishes) for publishes in clients)
        assert time.monotonic() < deadline
        time.sleep(0.1)
    [key] = [key for key in clients[1].get("/jwks").json()["keys"] if key["kid"] == active]
    jwt.decode(old, jwt.PyJWK(key), algorithms=["RS256"], audience=f"{ISSUER}/api/v1", issuer=ISSUER)

    longest = services[0].settings.longest_token_ttl
    assert longest == HOUR, "an API may have tokens of an hour"
    services[0].clock.advance(seconds=(longest + RETIRING_MARGIN).total_seconds() - 200)
    time.sleep(2 * quick_reload.total_seconds())
    assert published(clients[0]) == [active, spare, record["next"]], "a token may still be valid within the leeway"
    services[0].clock.advance(seconds=201)
    wait_until(lambda: published(clients[0]) == [spare, record["next"]])
    assert services[0].rows(f"SELECT state FROM signing_keys WHERE kid = '{active}'") == [("retiring",)], "row deleted"


def test_a_young_spare_is_refused_in_one_line_unless_now_is_said(start: Start, database_url: str) -> None:
    service = start(database_url)
    active, spare = published(service.client())
    refused = service.command("keys", "rotate")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"the spare key {spare} has not been published long enough: wait" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert published(service.client()) == [active, spare]
    assert json.loads(service.command("keys", "rotate", "--now").stdout)["active"] == spare


@pytest.mark.process
def test_of_two_rotations_at_once_exactly_one_happens(start: Start, database_url: str) -> None:
    service = start(database_url)
    age(service)
    active, spare = published(service.client())
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda _: service.process("keys", "rotate"), range(2)))
    assert sorted(result.returncode for result in results) == [0, 1]
    assert all(len(result.stderr.splitlines()) == result.returncode for result in results)
    stored = dict(service.rows("SELECT state, kid FROM signing_keys WHERE purpose = 'tokens'"))
    assert len(service.rows("SELECT * FROM signing_keys WHERE purpose = 'tokens'")) == 3
    assert (stored["retiring"], stored["active"]) == (active, spare)


def rotate_at_once(url: str, times: int, clock: Callable[[], datetime] = utc_now) -> list[Rotation | BaseException]:
    async def run() -> list[Rotation | BaseException]:
        database = open_database(url)
        store = KeyStore(database, parse_secrets(KEY_ENCRYPTION_KEYS), longest_token_ttl=TTL)
        rotations = (rotate_keys(database, store, clock, published_for=HOUR) for _ in range(times))
        try:
            return await asyncio.gather(*rotations, return_exceptions=True)
        finally:
            await database.close()

    return asyncio.run(run())


def test_of_eight_that_saw_the_same_keys_the_store_lets_one_rotate(start: Start, database_url: str) -> None:
    service = Store(database_url)
    age(service)
    results = rotate_at_once(database_url, 8)
    assert sum(isinstance(result, Rotation) for result in results) == 1
    assert {type(result) for result in results} == {Rotation, RotationRefused}
    states = [
        state for (state,) in service.rows("SELECT state FROM signing_keys WHERE purpose = 'tokens' ORDER BY state")
    ]
    assert states == ["active", "next", "retiring"]


def test_nothing_rotates_to_a_spare_that_our_own_processes_may_not_publish(sqlite_url: str) -> None:
    service, clock = Store(sqlite_url), Clock()
    clock.stop()
    age(service)
    rotate_at_once(sqlite_url, 1, clock)

    async def again() -> None:
        database = open_database(sqlite_url)
        store = KeyStore(database, parse_secrets(KEY_ENCRYPTION_KEYS), longest_token_ttl=TTL)
        try:
            await rotate_keys(database, store, clock, published_for=PROCESSES_RELOADED)
        finally:
            await database.close()

    with pytest.raises(SpareTooYoung) as young:
        asyncio.run(again())
    assert timedelta(0) < young.value.remaining <= PROCESSES_RELOADED
    assert PROCESSES_RELOADED > 2 * RELOAD_PERIOD


@pytest.mark.usefixtures("quick_reload")
def test_a_gone_key_is_listed_as_gone_and_not_published(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url)
    age(service)
    rotate_at_once(sqlite_url, 1)
    service.execute(f"UPDATE signing_keys SET retired_at = '{LONG_AGO}' WHERE state = 'retiring'")
    keys = listed(service)
    assert [key["state"] for key in keys] == ["gone", "active", "next"]
    wait_until(lambda: published(service.client()) == [keys[1]["kid"], keys[2]["kid"]])


def test_a_reload_that_fails_keeps_the_old_set_and_the_next_one_goes_on(
    start: Start, sqlite_url: str, quick_reload: timedelta
) -> None:
    service = start(sqlite_url)
    client = service.signed_up()
    keys = published(client)
    service.execute("ALTER TABLE signing_keys RENAME TO elsewhere")
    time.sleep(2 * quick_reload.total_seconds())
    assert published(client) == keys
    assert fresh_kid(client) == keys[0]
    service.execute("ALTER TABLE elsewhere RENAME TO signing_keys")
    age(service)
    rotate_at_once(sqlite_url, 1)
    wait_until(lambda: len(published(client)) == 3)


def test_a_key_that_a_process_cannot_open_leaves_it_the_one_it_has(sqlite_url: str) -> None:
    service = Store(sqlite_url)

    async def run() -> None:
        database = open_database(sqlite_url)
        store = KeyStore(database, parse_secrets(KEY_ENCRYPTION_KEYS), longest_token_ttl=TTL)
        ring = await open_ring(store, now=datetime.now(UTC))
        before = ring.current
        age(service)
        await rotate_keys(database, store, utc_now, published_for=HOUR)
        service.execute("UPDATE signing_keys SET encryption_key_version = 9 WHERE state = 'active'")
        with pytest.raises(UnreadableKey, match="needs version 9"):
            await ring.reload(now=utc_now())
        assert ring.current is before
        await database.close()

    asyncio.run(run())


def test_before_the_first_start_there_is_nothing_to_rotate(sqlite_url: str) -> None:
    service = Store(sqlite_url)
    service.execute("DELETE FROM signing_keys")
    [refused] = rotate_at_once(sqlite_url, 1)
    assert isinstance(refused, RotationRefused)
    assert "first start" in str(refused)


@pytest.mark.usefixtures("quick_reload")
def test_what_a_withdrawn_key_signed_is_refused_and_the_spare_signs(start: Start, database_url: str) -> None:
    """In an emergency the spare signs, however young, because verifiers know it already."""
    service = start(database_url)
    client = service.signed_up()
    active, spare = published(client)
    refused = service.command("keys", "rotate", "--emergency")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "add --yes" in refused.stderr
    done = service.command("keys", "rotate", "--emergency", "--yes")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert (record["withdrawn"], record["active"]) == (active, spare)
    wait_until(lambda: published(client) == [spare, record["next"]])
    assert fresh_kid(client) == spare
    assert sorted(key["state"] for key in listed(service)) == ["active", "gone", "next"]


def find(url: str, kid: str, *, days: int) -> object:
    async def run() -> object:
        database = open_database(url)
        try:
            return await find_hint_key(database, kid, now=utc_now() + timedelta(days=days))
        finally:
            await database.close()

    return asyncio.run(run())


def test_for_half_a_year_a_gone_key_still_checks_hints(sqlite_url: str) -> None:
    service = Store(sqlite_url)
    age(service)
    [rotation] = rotate_at_once(sqlite_url, 1)
    assert isinstance(rotation, Rotation)
    assert rotation.replaced is not None
    for kid in (rotation.replaced, rotation.active):
        assert find(sqlite_url, kid, days=179) is not None
    assert find(sqlite_url, rotation.replaced, days=181) is None
    assert find(sqlite_url, rotation.active, days=181) is not None
    assert find(sqlite_url, "nobody's", days=0) is None


def test_a_withdrawn_key_checks_nothing(sqlite_url: str) -> None:
    store = Store(sqlite_url)
    age(store)
    record = json.loads(store.command("keys", "rotate", "--emergency", "--yes").stdout)
    assert find(sqlite_url, record["withdrawn"], days=0) is None


def test_the_private_key_of_what_signs_no_more_is_destroyed(database_url: str) -> None:
    store = Store(database_url)
    age(store)
    rotate_at_once(database_url, 1)
    sealed = dict(store.rows("SELECT state, encrypted_private_key FROM signing_keys WHERE purpose = 'tokens'"))
    assert (bytes(sealed["retiring"]), bool(sealed["active"]), bool(sealed["next"])) == (b"", True, True)


def test_a_spare_that_cannot_be_opened_does_not_become_active(sqlite_url: str) -> None:
    store = Store(sqlite_url)
    age(store)
    store.execute("UPDATE signing_keys SET encryption_key_version = 9 WHERE state = 'next'")
    before = store.rows("SELECT kid, state FROM signing_keys")
    [refused] = rotate_at_once(sqlite_url, 1)
    assert isinstance(refused, UnreadableKey)
    assert store.rows("SELECT kid, state FROM signing_keys") == before


@pytest.mark.process
def test_rewrapped_keys_need_the_newest_secret_and_no_other(start: Start, database_url: str) -> None:
    store = Store(database_url)
    age(store)
    rotate_at_once(database_url, 1)
    newer = "2:" + NEWER
    for _ in range(2):  # a second time must succeed too
        done = store.command("keys", "rewrap", AUTH_KEY_ENCRYPTION_KEYS=f"{newer},{KEY_ENCRYPTION_KEYS}")
        assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"rewrapped": 0, "version": 2}
    assert "needs version 2" in store.process("serve", "--port", "1").stderr
    service = start(database_url, AUTH_KEY_ENCRYPTION_KEYS=newer)
    client = service.signed_up()
    assert fresh_kid(client) in published(client)


def test_a_rewrap_without_the_old_secret_destroys_nothing(sqlite_url: str) -> None:
    store = Store(sqlite_url)
    before = store.rows("SELECT kid, encrypted_private_key FROM signing_keys")
    refused = store.command("keys", "rewrap", AUTH_KEY_ENCRYPTION_KEYS="2:" + NEWER)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "needs version 1 of the key-encryption keys" in refused.stderr
    assert store.rows("SELECT kid, encrypted_private_key FROM signing_keys") == before


def test_the_key_of_the_status_lists_is_rotated_by_itself(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url)
    before = {record["purpose"]: record["kid"] for record in listed_keys(service) if record["state"] == "active"}
    done = service.command("keys", "rotate", "--status-lists", "--emergency", "--yes")
    assert done.returncode == 0, done.stderr
    after = {record["purpose"]: record["kid"] for record in listed_keys(service) if record["state"] == "active"}
    assert after["tokens"] == before["tokens"]
    assert after["status lists"] == json.loads(done.stdout)["active"] != before["status lists"]


def listed_keys(store: Store) -> list[dict[str, str]]:
    return [json.loads(line) for line in store.command("keys", "list").stdout.splitlines()]


def test_a_key_of_status_lists_checks_no_hint(sqlite_url: str) -> None:
    for record in listed_keys(Store(sqlite_url)):
        assert (find(sqlite_url, record["kid"], days=0) is None) == (record["purpose"] == "status lists")
