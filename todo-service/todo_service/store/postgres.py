"""PostgreSQL: its engine, and how a transaction begins with the settings that row-level security reads.

database.py imports this only where it is used, since psycopg takes 8 MB.
"""

import select
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from psycopg.pq import TransactionStatus
from psycopg.sql import SQL, Literal
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import PoolResetState

MAX_AGE = 1800  # seconds of a connection to PostgreSQL
_BEGIN, _SETTING = SQL("BEGIN; SELECT {}"), SQL("set_config({}, {}, true)")  # true: only until the transaction ends


def beginning(settings: Mapping[str, str]) -> str:
    """The statements that begin a transaction with these settings, to be sent together."""
    set_all = [_SETTING.format(Literal(name), Literal(value)) for name, value in settings.items()]
    return _BEGIN.format(SQL(", ").join(set_all)).as_string()


def open_engine(
    url: str, statement_timeout: timedelta, reachability: Mapping[str, int], options: Mapping[str, Any]
) -> AsyncEngine:
    milliseconds = int(statement_timeout.total_seconds() * 1000)
    timeouts = f"-c statement_timeout={milliseconds} -c idle_in_transaction_session_timeout={milliseconds}"
    # One pool, where auth-service has two of ten: here each use begins a transaction, since the owner is set in it.
    engine = create_async_engine(
        url,
        pool_size=20,
        max_overflow=0,  # an overflow connection is closed after one use; opening it costs more than waiting
        pool_recycle=MAX_AGE,
        pool_reset_on_return=None,  # `_end_transaction` does it
        isolation_level="AUTOCOMMIT",  # `beginning` begins the transaction together with the setting
        connect_args={"options": f"-c timezone=UTC {timeouts}", **reachability},
        **options,
    )
    event.listen(engine.sync_engine, "checkout", _refuse_if_ended)
    event.listen(engine.sync_engine, "reset", _end_transaction)
    return engine


def has_ended(driver: Any) -> bool:
    """Whether an idle connection has something to read: only the server's goodbye can be there.

    So the first request after a restart of the server does not fail. Unlike a ping, this needs no round trip.
    """
    poll = select.poll()
    poll.register(driver.pgconn.socket, select.POLLIN)
    return bool(poll.poll(0))


def _refuse_if_ended(connection: Any, record: object, proxy: object) -> None:
    if has_ended(connection.driver_connection):
        raise DisconnectionError("the server has ended this connection")  # the pool opens a new one


def _end_transaction(connection: Any, record: object, reset: PoolResetState) -> None:
    """Roll back what a connection that is given back has begun. After a fast path (prepared.py) there is nothing."""
    is_idle = connection.driver_connection.pgconn.transaction_status == TransactionStatus.IDLE
    if not is_idle and not reset.terminate_only:
        connection.rollback()
