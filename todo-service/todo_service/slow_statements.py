"""Statements that took long, told in the log under the request's id, and by which of the database's processes.

So an id from the gateway's log leads to the statement, and the process id to what the database itself has logged. A
comment in every statement would lead there as well, and make each a new one to prepare and to plan.
"""

import re
import time
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import Engine, event

SLOW = timedelta(milliseconds=500)
SHOWN = 300  # characters of the statement, with its placeholders: parameters are never told
_LITERAL = re.compile("'(?:[^']|'')*'")  # whose rows a transaction sees stands in its BEGIN (database.py)
_log = structlog.get_logger(__name__)


def tell_of_slow_statements(engine: Engine) -> None:
    @event.listens_for(engine, "before_cursor_execute")
    def begin(connection: Any, cursor: object, statement: str, parameters: object, context: Any, many: bool) -> None:
        connection.info["statement_begun"] = time.perf_counter()

    @event.listens_for(engine, "after_cursor_execute")
    def end(connection: Any, cursor: object, statement: str, parameters: object, context: Any, many: bool) -> None:
        seconds = time.perf_counter() - connection.info["statement_begun"]
        if seconds >= SLOW.total_seconds():
            _tell(connection, statement, seconds)


def _tell(connection: Any, statement: str, seconds: float) -> None:
    server = getattr(connection.connection.driver_connection, "info", None)  # psycopg's; SQLite has no server
    _log.warning(
        "slow_statement",
        duration_ms=round(seconds * 1000),
        **{
            "db.query.text": _LITERAL.sub("?", " ".join(statement.split()))[:SHOWN],
            "db.backend_pid": getattr(server, "backend_pid", None),
        },
    )
