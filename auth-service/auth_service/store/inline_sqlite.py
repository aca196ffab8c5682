"""A SQLAlchemy dialect that reads SQLite on the event loop itself.

A read through an index takes some 20 µs and, in WAL mode, waits for no lock; handing it to a thread and back, several
times a statement as aiosqlite does, takes many times as long. Only for reading: a write may wait for a lock.
"""

from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.pool import Pool, StaticPool


class InlineSQLite(SQLiteDialect_pysqlite):
    driver = "auth_inline"  # todo-service has another one, and tests run parts of both in one process
    is_async = True  # so that AsyncEngine takes it; nothing is awaited, because nothing waits
    supports_statement_cache = True

    @classmethod
    def get_pool_class(cls, url: Any) -> type[Pool]:
        return StaticPool  # one connection: no two reads run at once


registry.register("sqlite.auth_inline", __name__, "InlineSQLite")
