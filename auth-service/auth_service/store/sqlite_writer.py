"""A SQLAlchemy dialect that writes to SQLite on the event loop, and waits in a thread.

Only BEGIN IMMEDIATE and COMMIT wait: for another process's transaction, if there is one, and for the disk. Between them
a statement through an index takes some 20 µs. aiosqlite hands each statement to a thread and back four times, which
takes many times as long.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from sqlalchemy import URL
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.engine.interfaces import ConnectArgsType
from sqlalchemy.pool import AsyncAdaptedQueuePool, Pool
from sqlalchemy.util import await_only

from .slow_statements import tell_if_slow

BEGIN = "BEGIN IMMEDIATE"


class _Cursor(sqlite3.Cursor):
    async def _async_soft_close(self) -> None:
        """What SQLAlchemy awaits after a statement, on any asynchronous driver. There is nothing to wait for."""


class _Connection(sqlite3.Connection):
    def __init__(self, path: str, *, timeout: float = 5.0, **named: Any) -> None:
        super().__init__(path, timeout=timeout, **named)
        self._milliseconds = int(timeout * 1000)

    def begins_at_once(self) -> bool:
        """Begin, unless that would have to wait."""
        try:
            self.execute("PRAGMA busy_timeout = 0")
            self.execute(BEGIN)
        except sqlite3.OperationalError:
            return False
        finally:
            self.execute(f"PRAGMA busy_timeout = {self._milliseconds}")
        return True

    def cursor(self, factory: Any = _Cursor) -> Any:
        return super().cursor(factory)


class SQLiteWriter(SQLiteDialect_pysqlite):
    driver = "auth_writer"
    is_async = True
    supports_statement_cache = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="sqlite-writer")

    @classmethod
    def get_pool_class(cls, url: Any) -> type[Pool]:
        return AsyncAdaptedQueuePool

    def create_connect_args(self, url: URL) -> ConnectArgsType:
        positional, named = super().create_connect_args(url)
        return positional, {**named, "factory": _Connection}

    def do_begin(self, dbapi_connection: Any) -> None:
        await_only(self.begin(dbapi_connection))

    def do_commit(self, dbapi_connection: Any) -> None:
        await_only(self.commit(dbapi_connection))

    async def begin(self, connection: _Connection) -> None:
        if not connection.begins_at_once():  # the thread takes ten times as long
            await self._wait(BEGIN, lambda: connection.execute(BEGIN))

    async def commit(self, connection: sqlite3.Connection) -> None:
        await self._wait("COMMIT", connection.commit)

    async def _wait(self, text: str, work: Callable[[], object]) -> None:
        begun = time.perf_counter()
        try:
            await _finished(asyncio.get_running_loop().run_in_executor(self._thread, work))
        finally:
            tell_if_slow(time.perf_counter() - begun, text, None)


async def _finished(job: "asyncio.Future[object]") -> None:
    """Wait for the job, also if this task is cancelled: until the end the thread uses the connection.

    Raises:
        sqlite3.Error: the job's.
    """
    cancelled: asyncio.CancelledError | None = None
    while not job.done():
        try:
            await asyncio.wait([job])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        job.exception()  # it is looked at, or asyncio would report it
        raise cancelled
    job.result()


registry.register("sqlite.auth_writer", __name__, "SQLiteWriter")
