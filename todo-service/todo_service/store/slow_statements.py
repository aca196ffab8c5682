"""Statements that took long, told in the log under the request's id, and by which of the database's processes.

So an id from the gateway's log leads to the statement, and the process id to what the database itself has logged. A
comment in every statement would lead there as well, and make each a new one to prepare and to plan.
"""

import re
import time
from typing import Any

import structlog
from sqlalchemy import Connection, Engine, event

SLOW = 0.5  # seconds
SHOWN = 300  # characters of the statement, with its placeholders: parameters are never told
_LITERAL = re.compile("'(?:[^']|'')*'")  # whose rows a transaction sees stands in its BEGIN (database.py)
_log = structlog.get_logger(__name__)


def tell_of_slow_statements(engine: Engine) -> None:
    """By the dialect's events, in the place of the call itself: listeners of the engine's cost 25 us a statement."""

    @event.listens_for(engine, "do_execute")
    def execute(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
        begun = time.perf_counter()
        try:
            engine.dialect.do_execute(cursor, statement, parameters, context)
        finally:
            _tell_if_slow(time.perf_counter() - begun, statement, context)
        return True

    @event.listens_for(engine, "do_execute_no_params")
    def execute_without_parameters(cursor: Any, statement: str, context: Any) -> bool:
        begun = time.perf_counter()
        try:
            engine.dialect.do_execute_no_params(cursor, statement, context)
        finally:
            _tell_if_slow(time.perf_counter() - begun, statement, context)
        return True


def _tell_if_slow(seconds: float, statement: str, context: Any) -> None:
    """Whether or not it succeeded: one that was broken off by a timeout was slow."""
    if seconds < SLOW:
        return
    connection: Connection = context.root_connection
    server = getattr(connection.connection.driver_connection, "info", None)  # psycopg's; SQLite has no server
    _log.warning(
        "slow_statement",
        duration_ms=round(seconds * 1000),
        **{
            "db.query.text": _LITERAL.sub("?", " ".join(statement.split()))[:SHOWN],
            "db.backend_pid": getattr(server, "backend_pid", None),
        },
    )
