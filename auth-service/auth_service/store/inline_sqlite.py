"""A SQLAlchemy dialect that reads SQLite on the event loop. For reads only: a write may wait for a lock.

A read through an index takes some 20 µs and, in WAL mode, waits for no lock. aiosqlite hands each statement to a thread
and back several times, which takes many times as long.
"""

from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.pool import Pool, StaticPool


class InlineSQLite(SQLiteDialect_pysqlite):
    driver = "auth_inline"  # not the other service's name: tests load both services in one process
    is_async = True  # AsyncEngine requires it, although no call awaits anything
    supports_statement_cache = True

    @classmethod
    def get_pool_class(cls, url: Any) -> type[Pool]:
        return StaticPool  # one connection is enough: reads never overlap


registry.register("sqlite.auth_inline", __name__, "InlineSQLite")
