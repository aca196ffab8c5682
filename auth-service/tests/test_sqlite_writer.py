"""Writing to SQLite: the event loop goes on while a transaction waits, and a cancelled one leaves nothing."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import timedelta
from typing import Any, TypeAlias

import pytest
from sqlalchemy import Float, String, bindparam, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError

from auth_service.clients.clients import Client
from auth_service.store import database as databases
from auth_service.store.database import Database
from auth_service.store.together import Asked

from .conftest import Store
from .opened_database import with_database

Rename: TypeAlias = Callable[[Database, str], Awaitable[None]]
_RENAME = text("UPDATE clients SET registered_by = :word")
_TABLE: Any = Client.__table__
_RENAMING = update(_TABLE).values(registered_by=bindparam("word", type_=String)).returning(_TABLE.c.client_id)
_COPYING = insert(_TABLE).from_select([*_TABLE.c], select(_TABLE)).returning(_TABLE.c.client_id)
_UNKNOWN = select(func.no_such_function(bindparam("typed", "")).label("found"))
_ONE = select(bindparam("number", type_=Float).label("number"))


def words(store: Store) -> set[str]:
    return {word for (word,) in store.rows("SELECT registered_by FROM clients")}


async def rename(database: Database, word: str) -> None:
    async with database.writing() as session:
        await session.execute(_RENAME, {"word": word})


async def rename_together(database: Database, word: str) -> None:
    renamed = await database.transact_together({"renamed": Asked(_RENAMING, {"word": word})}, lambda found: None)
    assert renamed["renamed"]


async def rename_and_fail(database: Database, word: str) -> None:
    async with database.writing() as session:
        await session.execute(_RENAME, {"word": word})
        await session.execute(text("INSERT INTO clients SELECT * FROM clients"))


async def rename_together_and_fail(database: Database, word: str) -> None:
    asked = {"renamed": Asked(_RENAMING, {"word": word}), "fails": Asked(_COPYING, {})}
    await database.transact_together(asked, lambda found: None)


ways = pytest.mark.parametrize("rename", [rename, rename_together])


@ways
def test_requests_are_answered_while_a_transaction_waits_for_another_process(sqlite_url: str, rename: Rename) -> None:
    async def work(database: Database) -> None:
        with closing(sqlite3.connect(sqlite_url.partition(":///")[2], isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            waiting = asyncio.ensure_future(rename(database, "later"))
            for number in range(20):
                await asyncio.sleep(0.01)
                assert await database.find_row(_ONE, {"number": float(number)}) == (float(number),)
            assert not waiting.done()
            other.execute("COMMIT")
            await waiting

    with_database(sqlite_url, work)
    assert words(Store(sqlite_url)) == {"later"}


@ways
def test_a_transaction_that_was_cancelled_while_it_waited_leaves_nothing(sqlite_url: str, rename: Rename) -> None:
    """Its thread still gets the lock, and uses the connection until then. So the task ends after it.

    The event loop goes on, and the next transaction begins anew.
    """
    order = []

    async def work(database: Database) -> None:
        other = sqlite3.connect(sqlite_url.partition(":///")[2], isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.ensure_future(rename(database, "cancelled"))
        waiting.add_done_callback(lambda _: order.append("ended"))
        await asyncio.sleep(0.05)
        for number in range(20):
            waiting.cancel()
            await asyncio.sleep(0.01)
            assert await database.find_row(_ONE, {"number": float(number)}) == (float(number),)
        order.append("released")
        other.close()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await rename(database, "next")

    with_database(sqlite_url, work)
    assert (order, words(Store(sqlite_url))) == (["released", "ended"], {"next"})


@pytest.mark.parametrize("fail", [rename_and_fail, rename_together_and_fail])
def test_a_failed_transaction_is_undone_and_the_next_one_works(sqlite_url: str, fail: Rename) -> None:
    async def work(database: Database) -> None:
        await rename(database, "before")
        with pytest.raises(IntegrityError):
            await fail(database, "undone")
        assert words(Store(sqlite_url)) == {"before"}
        await rename(database, "after")

    with_database(sqlite_url, work)
    assert words(Store(sqlite_url)) == {"after"}


@ways
def test_a_lock_that_is_held_for_too_long_is_sqlalchemys_error(
    sqlite_url: str, rename: Rename, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "LOCK_TIMEOUT", timedelta(seconds=0.1))

    async def work(database: Database) -> None:
        with closing(sqlite3.connect(sqlite_url.partition(":///")[2], isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(OperationalError):
                await rename(database, "never")
        await rename(database, "afterwards")

    with_database(sqlite_url, work)
    assert words(Store(sqlite_url)) == {"afterwards"}


def test_a_frequent_read_that_fails_is_sqlalchemys_error_and_hides_what_was_typed(sqlite_url: str) -> None:
    async def work(database: Database) -> None:
        with pytest.raises(OperationalError) as caught:
            await database.find_row(_UNKNOWN, {"typed": "hunter2"})
        assert "hunter2" not in str(caught.value)
        assert await database.find_row(_ONE, {"number": 1.5}) == (1.5,)

    with_database(sqlite_url, work)
