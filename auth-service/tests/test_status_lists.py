"""Status lists: publication, replacement, retirement, and the allocation of indexes."""

import asyncio
import json
import random
import socket
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx2
import jwt
import pytest
from sqlalchemy import Executable, delete, event, select

from auth_service.keys.ring import open_ring
from auth_service.keys.signing import open_status_list_keys
from auth_service.oauth import status_list
from auth_service.sealed.versioned_secrets import parse_secrets
from auth_service.status_lists import indexes as status_indexes
from auth_service.status_lists import lists as status_lists
from auth_service.status_lists.lists import CLOSED_MARGIN, StatusIndex
from auth_service.status_lists.published import PublishedStatusLists
from auth_service.store.database import Database, open_database
from auth_service.store.inline_sqlite import InlineStatements
from auth_service.store.instants import utc_now

from .code_flow import sign_in, sign_up
from .conftest import ISSUER, KEY_ENCRYPTION_KEYS, Service, Start
from .status_scene import URI, fetch, inside, is_revoked, make_scene, post, reference
from .waiting import wait_until


def test_a_list_is_signed_by_a_key_for_status_lists_and_says_how_old_it_is(sqlite_service: Service) -> None:
    """draft-ietf-oauth-status-list §5.1, §8.2."""
    sqlite_service.clock.stop()
    uri = sqlite_service.list_uri(1)
    url = inside(sqlite_service, uri)
    wait_until(lambda: bool(httpx2.get(url, params={"v": "99"}).text))
    answer = httpx2.get(url, headers={"Origin": "https://x.example.com"})
    assert answer.headers["Content-Type"] == "application/statuslist+jwt"
    assert answer.headers["Cache-Control"] == "public, max-age=1, s-maxage=1"
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    header = jwt.get_unverified_header(answer.text)
    keys = httpx2.get(f"{sqlite_service.url}/.well-known/jwks.json").json()["keys"]
    [key] = [key for key in keys if key["kid"] == header["kid"]]
    assert (header["typ"], header["alg"], key["signs"]) == ("statuslist+jwt", "RS256", "statuslist+jwt")
    claims = jwt.decode(answer.text, jwt.PyJWK(key), algorithms=["RS256"])
    assert (claims["sub"], claims["exp"] - claims["iat"], claims["ttl"]) == (uri, 300, 2)
    assert claims["status_list"]["bits"] == 1
    known = {"If-None-Match": answer.headers["ETag"]}
    assert httpx2.get(url, headers=known).status_code == 304


@pytest.mark.parametrize(
    "name", ["0", "1", "3", "x", "-1", "1.0", "%C2%B2", "9" * 30, "1-1", "{epoch}-3", "0{epoch}-1"]
)
def test_there_is_no_other_list(sqlite_service: Service, name: str) -> None:
    epoch, _, _ = sqlite_service.list_uri(1).rpartition("/")[2].partition("-")
    path = f"/oauth/status-lists/{name.format(epoch=epoch)}"
    assert httpx2.get(f"{sqlite_service.url}{path}").status_code == 404


def test_the_open_list_and_the_next_are_listed(sqlite_service: Service) -> None:
    """draft-ietf-oauth-status-list §9.3. The next list is published before it is used."""
    answer = httpx2.get(f"{sqlite_service.url}/oauth/status-lists")
    assert answer.json() == {"status_lists": [sqlite_service.list_uri(1), sqlite_service.list_uri(2)]}
    assert answer.headers["Cache-Control"] == "public, max-age=1, s-maxage=1"


def replace(service: Service) -> bool:
    async def run() -> bool:
        database = open_database(service.database_url)
        try:
            shown_for = service.settings.access_token_ttl + CLOSED_MARGIN
            before = service.rows("SELECT max(id) FROM status_lists")
            await status_lists.replace_and_retire(database, shown_for, now=service.clock())
            return service.rows("SELECT max(id) FROM status_lists") != before
        finally:
            await database.close()

    return asyncio.run(run())


def uris(service: Service) -> list[str]:
    listed: list[str] = httpx2.get(f"{service.url}/oauth/status-lists").json()["status_lists"]
    return listed


def test_a_list_is_open_for_a_day_and_shown_until_its_last_token_has_expired(start: Start, database_url: str) -> None:
    service = start(database_url)
    scene = make_scene(service)
    assert not replace(service)
    service.clock.advance(days=1, seconds=1)
    assert replace(service)
    assert not replace(service)
    wait_until(lambda: uris(service) == [service.list_uri(number) for number in (1, 2, 3)])
    moved = scene.person.browser.get("/token").json()["token"]
    again = scene.robot.token().json()["access_token"]
    refreshed = scene.frontend.refresh(scene.refresh_token).json()["access_token"]
    assert {reference(token)[0] for token in (moved, again, refreshed)} == {service.list_uri(2)}
    post(scene.person, "/sign-out")
    assert is_revoked(service, scene.tokens["web"]), "the old index must be revoked too: its tokens may be valid"
    assert is_revoked(service, moved)
    assert is_revoked(service, refreshed)
    service.clock.advance(seconds=300 + 70)
    service.do(lambda _: service.status_lists.refresh(now=service.clock()))
    assert service.list_uri(1) in uris(service), "an API may have tokens of an hour"
    service.clock.advance(seconds=3300)
    wait_until(lambda: uris(service) == [service.list_uri(2), service.list_uri(3)])
    replace(service)
    assert service.rows("SELECT count(*) FROM status_indexes WHERE list_id = 1") == [(0,)]
    assert httpx2.get(inside(service, service.list_uri(1))).status_code == 404


def test_no_index_is_given_out_twice(database_url: str) -> None:
    """Eight parallel allocations in a nearly full list: the primary key decides."""

    async def run() -> list[tuple[int, int]]:
        database = open_database(database_url)

        async def allocate(name: str) -> tuple[int, int]:
            async with database.writing() as session:
                drawn = await status_indexes.allocate(session, name)
            return drawn.list_id, drawn.index

        drawn: list[tuple[int, int]] = []
        for batch in range(25):
            drawn += await asyncio.gather(*(allocate(f"{batch}-{number}") for number in range(8)))
        await database.close()
        return drawn

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(status_indexes, "SIZE", 256)
        drawn = asyncio.run(run())
    assert len(set(drawn)) == len(drawn) == 200
    assert [index for _, index in drawn] != sorted(index for _, index in drawn)


def test_of_simultaneous_replacements_one_happens(start: Start, database_url: str) -> None:
    service = start(database_url)
    service.clock.advance(days=1, seconds=1)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: replace(service), range(4)))
    states = service.rows("SELECT id, state FROM status_lists ORDER BY id")
    assert [tuple(row) for row in states] == [(1, "closed"), (2, "open"), (3, "next")]


def test_a_flood_of_versions_that_do_not_exist_costs_two_looks(sqlite_url: str) -> None:
    """Requests that come during a read of the database share the next read."""

    async def run() -> int:
        database = open_database(sqlite_url)
        store = open_status_list_keys(database, parse_secrets(KEY_ENCRYPTION_KEYS))
        keys = await open_ring(store, now=utc_now())
        lists = PublishedStatusLists(
            ISSUER, database, keys, access_token_ttl=timedelta(minutes=5), longest_ttl=timedelta(hours=1)
        )
        await lists.refresh(now=utc_now())
        read = remembering(database)
        await asyncio.gather(*(lists.look(now=utc_now()) for _ in range(1000)))
        await database.close()
        return len(read)

    assert 1 <= asyncio.run(run()) <= 2


def test_whoever_listens_hears_of_a_change_at_once(start: Start, sqlite_url: str) -> None:
    service = start(sqlite_url)
    person, heard, listening = sign_up(service), [], threading.Event()

    def listen() -> None:
        with httpx2.stream("GET", f"{service.url}/internal/status-list-hints", timeout=60) as stream:
            assert stream.headers["Content-Type"].startswith("text/event-stream")
            for line in stream.iter_lines():
                listening.set()
                if line.startswith("data:"):
                    heard.append(json.loads(line[5:]))
                    return

    thread = threading.Thread(target=listen)
    thread.start()
    assert listening.wait(60)
    post(person, "/sign-out")
    thread.join(60)
    assert heard == [{"uri": service.list_uri(1), "version": 1}]


def test_an_index_is_drawn_at_sign_in_and_not_when_a_token_is_asked_for(service: Service) -> None:
    """A request for a token writes nothing."""
    person = sign_up(service)
    [(drawn,)] = service.rows("SELECT count(*) FROM status_indexes")
    tokens = [person.browser.get("/token").json()["token"] for _ in range(3)]
    service.clock.advance(seconds=2)
    tokens.append(person.browser.get("/get-session").headers["set-auth-jwt"])
    assert len({reference(token) for token in tokens}) == 1
    assert service.rows("SELECT count(*) FROM status_indexes") == [(drawn,)] == [(1,)]


def test_the_drafts_example() -> None:
    """The example of draft-ietf-oauth-status-list §4.1 and §4.2."""
    octets = status_list.set_bits((0, 3, 4, 5, 7, 8, 9, 13, 15), size=16)
    assert octets == bytes.fromhex("b9a3")
    assert status_list.pack(octets) == "eNrbuRgAAhcBXQ"


def test_a_list_of_100_000_with_one_in_a_hundred_set_takes_four_kilobytes(sqlite_service: Service) -> None:
    """The size of the response with its headers. `bench revocation` prints the size through the gateway."""
    given_out = random.Random(1).sample(range(status_list.SIZE), 100_000)
    for revoked_at, indices in (("NULL", given_out[1000:]), ("'2026-01-01 00:00:00.000000'", given_out[:1000])):
        rows = ", ".join(f"(1, {index}, 'x', {revoked_at})" for index in indices)
        sqlite_service.execute(f"INSERT INTO status_indexes (list_id, idx, holder_id, revoked_at) VALUES {rows}")
    sqlite_service.execute("UPDATE status_lists SET version = 1000 WHERE id = 1")
    uri = sqlite_service.list_uri(1)
    host, port = sqlite_service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 20) as connection:
        connection.sendall(f"GET {urlsplit(uri).path}?v=1000 HTTP/1.1\r\nHost: {host}\r\n".encode())
        connection.sendall(b"Accept-Encoding: gzip, deflate\r\nConnection: close\r\n\r\n")
        on_the_wire = b"".join(iter(lambda: connection.recv(65536), b""))
    statuses = fetch(sqlite_service, uri)
    assert sum(map(int.bit_count, statuses)) == 1000
    assert 1010 < len(on_the_wire) <= 4096  # no encoding of a thousand random positions is smaller


def test_a_start_that_is_older_than_the_lists_makes_them_once(start: Start, sqlite_url: str) -> None:
    services = [start(sqlite_url), start(sqlite_url)]
    assert uris(services[0]) == uris(services[1]) == [services[0].list_uri(1), services[0].list_uri(2)]
    assert timedelta() < CLOSED_MARGIN


def version(service: Service, number: int = 1) -> int:
    [(found,)] = service.rows(f"SELECT version FROM status_lists WHERE id = {number}")
    return int(found)


def test_a_change_that_leaves_the_number_of_bits_the_same_is_noticed(start: Start, database_url: str) -> None:
    """Between two looks of a process one revoked index disappears and another is revoked."""
    service = start(database_url)
    first, second = sign_up(service), sign_in(service)
    token = second.browser.get("/token").json()["token"]
    post(first, "/sign-out")
    wait_until(lambda: service.status_lists.current[1].version == 1)
    _, index = reference(token)

    async def replace_a_revocation(database: Database) -> None:
        async with database.writing() as session:
            await session.execute(delete(StatusIndex).where(StatusIndex.revoked_at.is_not(None)))
            holder = select(StatusIndex.holder_id).where(StatusIndex.idx == index)
            await status_indexes.revoke(session, [await session.scalar(holder) or ""], now=service.clock())

    service.clock.stop()  # so the list is not signed anew by its age
    service.do(replace_a_revocation)
    wait_until(lambda: status_list.is_set(service.status_lists.current[1].statuses, index))
    assert version(service) == 2


def test_a_transaction_raises_the_version_of_each_list_that_it_changes_once(start: Start, database_url: str) -> None:
    service = start(database_url)
    for number, holder in ((1, "a"), (1, "b"), (2, "a"), (2, "c")):
        service.execute(
            f"INSERT INTO status_indexes (list_id, idx, holder_id) VALUES ({number}, {ord(holder)}, '{holder}')"
        )

    async def revoke(database: Database) -> None:
        async with database.writing() as session:
            for holder in ("a", "b", "nobody"):
                await status_indexes.revoke(session, [holder], now=service.clock())
        async with database.writing() as session:
            await status_indexes.revoke(session, ["a"], now=service.clock())  # is revoked already
        with suppress(RuntimeError):
            async with database.writing() as session:
                await status_indexes.revoke(session, ["c"], now=service.clock())
                raise RuntimeError

    service.do(revoke)
    assert (version(service, 1), version(service, 2)) == (1, 1)


def test_transactions_that_change_the_same_lists_in_any_order_do_not_deadlock(start: Start, postgres_url: str) -> None:
    service = start(postgres_url)
    pairs = [(f"first-{each}", f"second-{each}") for each in range(8)]
    for number, (first, second) in enumerate(pairs):
        for list_id, holder in ((1, first), (2, second)):
            service.execute(
                f"INSERT INTO status_indexes (list_id, idx, holder_id) VALUES ({list_id}, {number}, '{holder}')"
            )

    async def revoke(database: Database) -> None:
        meeting = asyncio.Barrier(len(pairs))

        async def one(holders: tuple[str, str]) -> None:
            async with database.writing() as session:
                await status_indexes.revoke(session, holders[:1], now=service.clock())
                await meeting.wait()
                await status_indexes.revoke(session, holders[1:], now=service.clock())

        await asyncio.gather(*(one(pair if number % 2 else pair[::-1]) for number, pair in enumerate(pairs)))

    service.do(revoke)
    assert (version(service, 1), version(service, 2)) == (8, 8)


def remembering(database: Database) -> list[str]:
    """What is read from now on, on the driver's connection or through SQLAlchemy."""
    read: list[str] = []

    @event.listens_for(database.reader.sync_engine, "before_cursor_execute")
    def remember(_connection: Any, _cursor: Any, statement: str, *_others: Any) -> None:
        read.append(statement)

    class Remembering(InlineStatements):
        async def find_rows(self, statement: Executable, parameters: Mapping[str, object]) -> Any:
            read.append(str(statement))
            return await super().find_rows(statement, parameters)

    object.__setattr__(database, "frequent", Remembering(database.reader))
    return read


def test_a_look_reads_no_index(sqlite_url: str) -> None:
    """It happens five times a second in each process, however many indexes are revoked."""

    async def run() -> list[str]:
        database = open_database(sqlite_url)
        store = open_status_list_keys(database, parse_secrets(KEY_ENCRYPTION_KEYS))
        keys = await open_ring(store, now=utc_now())
        lists = PublishedStatusLists(
            ISSUER, database, keys, access_token_ttl=timedelta(minutes=5), longest_ttl=timedelta(hours=1)
        )
        await lists.refresh(now=(now := utc_now()))
        read = remembering(database)
        await lists.refresh(now=now)
        await database.close()
        return read

    [statement] = asyncio.run(run())
    assert "status_indexes" not in statement


def test_the_lists_from_before_the_epochs_keep_their_names(start: Start, database_url: str) -> None:
    """The upgrade ends no token. The next list has an epoch: the time when it was made."""
    old = start(database_url)
    sign_up(old)
    old.execute("UPDATE status_lists SET epoch = 0")
    service = start(database_url)
    wait_until(lambda: uris(service) == uris(old) == [f"{URI}/1", f"{URI}/2"])
    assert reference(sign_in(service).browser.get("/token").json()["token"])[0] == f"{URI}/1"
    service.clock.advance(days=1, seconds=1)
    made = int(service.clock().timestamp())
    assert replace(service)
    [newest] = service.rows("SELECT epoch FROM status_lists WHERE id = 3")
    assert made <= newest[0] <= made + 60
    wait_until(lambda: uris(service) == [f"{URI}/1", f"{URI}/2", f"{URI}/{newest[0]}-3"])
