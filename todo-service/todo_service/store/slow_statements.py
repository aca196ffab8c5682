"""Slow statements, logged with the request's id and the database's backend process id.

A request id from the gateway's log leads to the statement; the process id leads to the database's own log. A comment
with the id in each statement would do the same, but would make each one a new statement to prepare and plan.
"""

import re
import time
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, event

SLOW = 0.5  # seconds
SHOWN = 300  # characters of the statement; parameters appear as placeholders only
_LITERAL = re.compile("'(?:[^']|'')*'")  # a value that stands in the statement itself
_log = structlog.get_logger(__name__)


def tell_of_slow_statements(engine: Engine) -> None:
    """Time each statement inside the dialect's execute events; the engine's own events cost 25 µs per statement."""

    @event.listens_for(engine, "do_execute")
    def execute(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
        begun = time.perf_counter()
        try:
            engine.dialect.do_execute(cursor, statement, parameters, context)
        finally:
            tell_if_slow(time.perf_counter() - begun, statement, _driver(context))
        return True

    @event.listens_for(engine, "do_execute_no_params")
    def execute_without_parameters(cursor: Any, statement: str, context: Any) -> bool:
        begun = time.perf_counter()
        try:
            engine.dialect.do_execute_no_params(cursor, statement, context)
        finally:
            tell_if_slow(time.perf_counter() - begun, statement, _driver(context))
        return True


def tell_if_slow(seconds: float, statement: str, driver: Any) -> None:
    """Log the statement if it was slow, even if it failed: a timeout is slow, too. `driver` is its connection."""
    if seconds < SLOW:
        return
    # psycopg's, which is asked only while the connection is open; SQLite has no server.
    server = getattr(driver, "info", None) if not getattr(driver, "closed", False) else None
    _log.warning(
        "slow_statement",
        duration_ms=round(seconds * 1000),
        **{
            "db.query.text": _LITERAL.sub("?", " ".join(statement.split()))[:SHOWN],
            "db.backend_pid": getattr(server, "backend_pid", None),
        },
    )


def _driver(context: Any) -> Any:
    connection: Connection = context.root_connection
    return connection.connection.driver_connection
