"""Statements that are sent together: their rows, their order, and what is left after a failure."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any, TypeVar

import psycopg
import pytest
from sqlalchemy import Float, Integer, Select, bindparam, func, insert, make_url, select, update
from sqlalchemy.exc import ProgrammingError

from auth_service.store.database import Database, open_database
from auth_service.store.leases import Lease
from auth_service.store.together import Asked, Found

from .browser import signed_in
from .code_flow import register_backend
from .conftest import Service
from .opened_database import with_database
from .statements import statements
from .test_lock_order import waits
from .test_par import pushed
from .waiting import wait_until

T = TypeVar("T")
_TABLE: Any = Lease.__table__
_NEVER = datetime(2200, 1, 1, tzinfo=UTC)
_ADD = (
    insert(_TABLE)
    .values(name=bindparam("name"), holder=bindparam("holder"), expires_at=bindparam("expires_at"))
    .returning(_TABLE.c.name)
)
_READ = select(Lease.name, Lease.holder, Lease.expires_at).order_by(Lease.name)
_HOLD = select(_TABLE.c.holder).where(_TABLE.c.name == "a").with_for_update()
_TAKE = update(_TABLE).where(_TABLE.c.name == bindparam("which")).values(holder="me").returning(_TABLE.c.name)
_UNKNOWN: Select[*tuple[str]] = select(func.no_such_function(bindparam("typed", "")))
_SLEEP: Select[*tuple[str]] = select(func.pg_sleep(bindparam("seconds", type_=Float)))
_ONE: Select[*tuple[int]] = select(bindparam("number", type_=Integer))


def adding(name: str) -> Asked:
    return Asked(_ADD, {"name": name, "holder": "nobody", "expires_at": _NEVER})


async def add_two(database: Database, refusal: Exception | None = None) -> Found:
    asked = {"a": adding("a"), "b": adding("b"), "all": Asked(_READ, {})}
    return await database.transact_together(asked, lambda found: refusal)


def nothing(found: Found) -> None:
    """It refuses nothing."""


async def names(database: Database) -> list[str]:
    async with database.reading() as session:
        return [*(await session.scalars(select(Lease.name).order_by(Lease.name))).all()]


def test_rows_are_as_sqlalchemy_gives_them_and_one_statement_sees_the_one_before(database_url: str) -> None:
    async def run(database: Database) -> None:
        found = await add_two(database)
        async with database.reading() as session:
            expected = (await session.execute(_READ)).all()
        assert [[*map(repr, row)] for row in found["all"]] == [[*map(repr, row)] for row in expected]
        assert [[row[0] for row in found[name]] for name in ("a", "b", "all")] == [["a"], ["b"], ["a", "b"]]

    with_database(database_url, run)


def test_what_the_answers_forbid_is_rolled_back(database_url: str) -> None:
    async def run(database: Database) -> None:
        for _ in range(20):  # more than the pool has connections
            with pytest.raises(LookupError):
                await add_two(database, LookupError())
        assert await names(database) == []
        await add_two(database)
        assert await names(database) == ["a", "b"]

    with_database(database_url, run)


def test_an_error_is_sqlalchemys_rolls_back_what_came_before_and_hides_what_was_typed(postgres_url: str) -> None:
    async def fail(database: Database) -> None:
        fails = Asked(_UNKNOWN, {"typed": "hunter2"})
        await database.transact_together({"a": adding("a"), "fails": fails, "b": adding("b")}, nothing)

    async def run(database: Database) -> None:
        for _ in range(20):
            with pytest.raises(ProgrammingError) as caught:
                await fail(database)
            assert "hunter2" not in str(caught.value)
        assert await names(database) == []
        await add_two(database)

    with_database(postgres_url, run)


def test_a_cancelled_transaction_leaves_nothing_behind(postgres_url: str) -> None:
    """Its connection is not given to the next one in the middle of an answer, and is not lost to the pool."""

    async def sleep(database: Database) -> None:
        await database.transact_together({"a": adding("a"), "sleeps": Asked(_SLEEP, {"seconds": 30.0})}, nothing)

    async def count(database: Database, number: int) -> Any:
        one = Asked(_ONE, {"number": number})
        return [rows[0][0] for rows in (await database.transact_together({"a": one, "b": one}, nothing)).values()]

    async def run(database: Database) -> None:
        for _ in range(20):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await sleep(database)
        assert await names(database) == []
        counted = await asyncio.gather(*(count(database, number) for number in range(100)))
        assert counted == [[number, number] for number in range(100)]

    with_database(postgres_url, run)


def beside(url: str, work: Callable[[Database], Awaitable[T]]) -> Callable[[], T]:
    """Run it in a thread; the result waits for it."""
    pool = ThreadPoolExecutor(1)
    running = pool.submit(with_database, url, work)
    return lambda: running.result(60)


def test_a_statement_sees_what_was_committed_while_the_one_before_it_waited(postgres_url: str) -> None:
    """So locking one row and then reading others is as safe as it is in two trips."""

    async def look(database: Database) -> Any:
        return await database.transact_together({"held": Asked(_HOLD, {}), "all": Asked(_READ, {})}, nothing)

    url = postgres_url.replace("+psycopg", "")
    with_database(postgres_url, add_two)
    with psycopg.connect(url, autocommit=True) as watcher, psycopg.connect(url) as other:
        other.execute("UPDATE leases SET holder = 'other' WHERE name = 'a'")
        result = beside(postgres_url, look)
        wait_until(lambda: waits(watcher))
        other.execute("DELETE FROM leases WHERE name = 'b'")
        other.commit()
        found = result()
    assert [row[0] for row in found["held"]] == ["other"]
    assert [row[0] for row in found["all"]] == ["a"]


def test_a_transaction_that_deadlocked_is_repeated(postgres_url: str) -> None:
    async def take(database: Database) -> Any:
        return await database.transact_together({each: Asked(_TAKE, {"which": each}) for each in "ab"}, nothing)

    url = postgres_url.replace("+psycopg", "")
    with_database(postgres_url, add_two)
    with psycopg.connect(url, autocommit=True) as watcher, psycopg.connect(url) as other:
        other.execute("SET deadlock_timeout = '1min'")  # so PostgreSQL rolls the other transaction back, not this
        other.execute("UPDATE leases SET holder = 'other' WHERE name = 'b'")
        result = beside(postgres_url, take)
        wait_until(lambda: waits(watcher))
        opposite = threading.Thread(target=other.execute, args=("UPDATE leases SET holder = 'x' WHERE name = 'a'",))
        opposite.start()
        opposite.join()
        other.rollback()
        assert {name: len(rows) for name, rows in result().items()} == {"a": 1, "b": 1}


def test_all_of_it_is_sent_at_once(postgres_url: str) -> None:
    """Otherwise each statement would be sent by itself, which takes longer than all else."""
    url, sent = make_url(postgres_url), list[bytes]()
    relayed = asyncio.Queue[None]()

    async def pass_on(source: asyncio.StreamReader, to: asyncio.StreamWriter, seen: list[bytes]) -> None:
        while octets := await source.read(2**16):
            seen.append(octets)
            to.write(octets)
        to.close()
        await to.wait_closed()

    async def relay(here: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        there, forth = await asyncio.open_connection(url.host, url.port)
        await asyncio.gather(pass_on(here, forth, sent), pass_on(there, back, []))
        relayed.put_nowait(None)

    async def run() -> None:
        async with await asyncio.start_server(relay, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            database = open_database(url.set(host="127.0.0.1", port=port).render_as_string(hide_password=False))
            await add_two(database)
            sent.clear()
            await database.transact_together({"a": adding("c"), "b": adding("d"), "all": Asked(_READ, {})}, nothing)
            await database.close()
            await relayed.get()

    asyncio.run(run())
    assert [b"auth_" in each for each in sent[:2]] == [True, True], sent  # the statements, COMMIT
    assert not any(b"auth_" in each for each in sent[2:])  # the end


def test_a_flow_of_somebody_who_is_known_asks_the_database_little(service: Service) -> None:
    """Each statement costs more than the rest of its request."""
    frontend, browser = register_backend(service, grant_types=["authorization_code"]), signed_in(service)
    answer = browser.authorize(frontend).allow().answer
    assert frontend.redeem(answer["code"]).status_code == 200  # the grant has its status index now
    with statements() as of_push:
        named = pushed(frontend)
    with statements() as of_visit:
        answer = browser.open("/oauth/authorize", **named).answer
    with statements() as of_redemption:
        assert frontend.redeem(answer["code"]).status_code == 200
    sent = [[each for each in seen if not each.startswith("BEGIN")] for seen in (of_push, of_visit, of_redemption)]
    # The visit: the request, the session; owners, answer, session, API, its scopes, consent, grant, room, code, event
    assert [*map(len, sent)] == [1, 2 + 10, 2], "\n".join(of_push + of_visit + of_redemption)
