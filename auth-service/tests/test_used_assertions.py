"""Assertions and DPoP proofs that are used at one moment: each is accepted once, also by several processes."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from sqlalchemy.exc import DBAPIError

from auth_service.clients.used_assertions import MOST, UsedAssertions
from auth_service.store.database import Database, open_database

from .opened_database import with_database
from .statements import statements

_NEVER = datetime(2200, 1, 1, tzinfo=UTC)


async def spend(used: UsedAssertions, keys: Sequence[str]) -> list[bool]:
    """Spend all of them at once."""
    return await asyncio.gather(*(used.spend(key, expires_at=_NEVER) for key in keys))


def test_each_is_accepted_once(database_url: str) -> None:
    """RFC 9449 §11.1."""

    async def run(database: Database) -> None:
        used = UsedAssertions(database)
        assert await spend(used, ["a", "b", "c"]) == [True, True, True]
        assert await spend(used, ["d", "b", "e", "a"]) == [True, False, True, False]
        assert await spend(used, ["f"]) == [True]
        assert await spend(used, ["f"]) == [False]

    with_database(database_url, run)


def test_of_simultaneous_uses_one_is_accepted(database_url: str) -> None:
    async def run(database: Database) -> None:
        used = UsedAssertions(database)
        for number in range(20):
            assert sum(await spend(used, [f"{number}"] * 10)) == 1

    with_database(database_url, run)


def test_of_uses_at_several_processes_one_is_accepted(database_url: str) -> None:
    """Three processes write the same keys at overlapping times, in different orders."""
    keys = [f"{number:03}" for number in range(3 * MOST)]

    async def run(database: Database) -> None:
        others = [open_database(database_url) for _ in range(2)]
        processes = [UsedAssertions(each) for each in (database, *others)]
        orders = keys, keys[::-1], keys[MOST:] + keys[:MOST]
        accepted = await asyncio.gather(*(spend(used, order) for used, order in zip(processes, orders, strict=True)))
        by_key = [dict(zip(order, each, strict=True)) for order, each in zip(orders, accepted, strict=True)]
        assert [sum(each[key] for each in by_key) for key in keys] == [1] * len(keys)
        for other in others:
            await other.close()

    with_database(database_url, run)


def test_those_of_one_moment_are_written_together(database_url: str) -> None:
    async def run(database: Database) -> None:
        used = UsedAssertions(database)
        with statements() as seen:
            first = asyncio.ensure_future(spend(used, ["first"]))
            await asyncio.sleep(0)  # it is being written
            later = asyncio.ensure_future(spend(used, [f"{number}" for number in range(MOST)]))
            assert await first == [True]
            assert await later == [True] * MOST
        begun = [each for each in seen if each.startswith("BEGIN")]
        assert len(begun) <= 2, begun

    with_database(database_url, run)


def test_what_was_not_written_is_not_accepted(postgres_url: str) -> None:
    """A failed transaction and a cancelled request affect no later use."""

    async def run(database: Database) -> None:
        used = UsedAssertions(database)
        spoiled = [used.spend(key, expires_at=_NEVER) for key in ("a", "x" * 65, "b")]  # 64 characters have room
        results = await asyncio.gather(*spoiled, return_exceptions=True)
        assert [isinstance(each, DBAPIError) for each in results] == [True] * 3
        cancelled = asyncio.ensure_future(used.spend("c", expires_at=_NEVER))
        others = asyncio.ensure_future(spend(used, ["a", "b"]))
        await asyncio.sleep(0)
        cancelled.cancel()
        assert await others == [True, True]
        with pytest.raises(asyncio.CancelledError):
            await cancelled
        assert await spend(used, ["c"]) == [False]  # it may have been answered, as far as we know

    with_database(postgres_url, run)
