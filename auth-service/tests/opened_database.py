"""A database that a test uses itself, without a service."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from auth_service.store.database import Database, open_database

T = TypeVar("T")


def with_database(url: str, work: Callable[[Database], Awaitable[T]]) -> T:
    """What `work` returns. The database is open meanwhile, in an event loop of its own."""

    async def run() -> T:
        database = open_database(url)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(run())
