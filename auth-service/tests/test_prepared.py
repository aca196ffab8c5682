"""The fast path of the most frequent statements on PostgreSQL answers, fails and is cancelled as SQLAlchemy's own."""

import asyncio
import json
from contextlib import AsyncExitStack

import psycopg
import pytest
from sqlalchemy import BigInteger, Float, Select, Text, bindparam, cast, func, select
from sqlalchemy.exc import MultipleResultsFound, ProgrammingError

from auth_service.accounts.accounts import Account
from auth_service.sessions.browser_sessions import BrowserSession
from auth_service.store.database import Database
from auth_service.store.prepared import MOST, MOST_TRANSACTIONS
from auth_service.store.slow_statements import SLOW, tell_if_slow
from auth_service.store.together import Asked
from auth_service.telemetry import logs

from .conftest import Start
from .opened_database import with_database

_SLEEP: Select[*tuple[str]] = select(func.pg_sleep(bindparam("seconds", type_=Float)))
_LOCK: Select[*tuple[str]] = select(func.pg_advisory_xact_lock(bindparam("key", type_=BigInteger)))
_WAITING = """
    SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE datname = current_database() AND NOT granted
"""
_ONE: Select[*tuple[float]] = select(cast(bindparam("number", type_=Float), Float))
_LENGTH: Select[*tuple[int]] = select(func.length(bindparam("typed", type_=Text)))
_UNKNOWN: Select[*tuple[str]] = select(func.no_such_function(bindparam("typed", "")))
_SIGNED_IN = (
    select(*BrowserSession.__table__.columns, *Account.__table__.columns)
    .join(Account, Account.id == BrowserSession.account_id)
    .where(Account.email == bindparam("email"), Account.suspended_at.is_(None))
)


def test_a_row_is_as_sqlalchemy_gives_it(start: Start, postgres_url: str) -> None:
    start(postgres_url).signed_up("ann@example.com")

    async def read(database: Database) -> None:
        parameters = {"email": "ann@example.com"}
        async with database.reading() as session:
            expected = (await session.execute(_SIGNED_IN, parameters)).one()
        found = await database.find_row(_SIGNED_IN, parameters)
        assert found is not None
        assert list(map(repr, found)) == list(map(repr, expected))  # repr: an instant's time zone, too
        assert await database.find_row(_SIGNED_IN, {"email": "bob@example.com"}) is None

    with_database(postgres_url, read)


def test_more_than_one_row_is_an_error(start: Start, postgres_url: str) -> None:
    service = start(postgres_url)
    for name in ("ann", "bob"):
        service.signed_up(f"{name}@example.com")

    async def read(database: Database) -> None:
        with pytest.raises(MultipleResultsFound):
            await database.find_row(select(Account.id), {})

    with_database(postgres_url, read)


def test_an_error_is_sqlalchemys_and_hides_what_was_typed(postgres_url: str) -> None:
    async def fail(database: Database) -> None:
        for _ in range(20):  # more than the pool has connections
            with pytest.raises(ProgrammingError) as caught:
                await database.find_row(_UNKNOWN, {"typed": "hunter2"})
            assert "hunter2" not in str(caught.value)
        assert await database.find_row(_ONE, {"number": 1.5}) == (1.5,)

    with_database(postgres_url, fail)


def test_a_cancelled_statement_leaves_nothing_behind(postgres_url: str) -> None:
    """Its connection is not given to the next one in the middle of an answer, and is not lost to the pool."""

    async def cancel(database: Database) -> None:
        for _ in range(20):  # more than the pool has connections
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await database.find_row(_SLEEP, {"seconds": 30.0})
        numbers = [float(number) for number in range(100)]
        rows = await asyncio.gather(*(database.find_row(_ONE, {"number": number}) for number in numbers))
        assert rows == [(number,) for number in numbers]

    with_database(postgres_url, cancel)


def test_a_value_that_is_larger_than_what_can_be_sent_at_once(postgres_url: str) -> None:
    async def measure(database: Database) -> None:
        assert await database.find_row(_LENGTH, {"typed": "x" * 20_000_000}) == (20_000_000,)
        assert await database.find_row(_ONE, {"number": 1.5}) == (1.5,)

    with_database(postgres_url, measure)


def test_connections_that_are_kept_leave_some_to_others(postgres_url: str) -> None:
    async def read(database: Database) -> None:
        for _ in range(2):
            await asyncio.gather(*(database.find_row(_ONE, {"number": float(number)}) for number in range(30)))
            async with AsyncExitStack() as opened:
                sessions = [await opened.enter_async_context(database.reading()) for _ in range(10 - MOST)]
                assert [await session.scalar(select(1)) for session in sessions] == [1] * len(sessions)

    with_database(postgres_url, read)


def test_reads_go_on_while_transactions_wait_for_a_lock(postgres_url: str) -> None:
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(7)")

        async def read(database: Database) -> None:
            asked = {"lock": Asked(_LOCK, {"key": 7})}
            waiting = [asyncio.create_task(database.transact_together(asked)) for _ in range(20)]
            while holder.execute(_WAITING).fetchone() != (MOST_TRANSACTIONS,):  # noqa: ASYNC110 - PostgreSQL tells nobody
                await asyncio.sleep(0.01)
            assert await database.find_row(_ONE, {"number": 1.5}) == (1.5,)
            holder.rollback()
            assert len(await asyncio.gather(*waiting)) == len(waiting)

        with_database(postgres_url, read)


def test_a_slow_statement_that_closed_its_connection_is_told(
    postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """psycopg closes a connection whose statement does not end when it is cancelled, and then knows no process id."""
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as connection:
        connection.close()
        logs.configure("WARNING")
        try:
            tell_if_slow(SLOW, "SELECT 1", connection)
        finally:
            logs.configure("ERROR")
    told = json.loads(capsys.readouterr().out)
    assert (told["event"], told["db.query.text"], told["db.backend_pid"]) == ("slow_statement", "SELECT 1", None)
