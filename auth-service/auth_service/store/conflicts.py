"""Repeats a transaction that PostgreSQL has rolled back because of a conflict with another one."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from sqlalchemy.exc import DBAPIError

T = TypeVar("T")
CONFLICTS = ("40001", "40P01")  # serialization_failure, deadlock_detected
_log = structlog.get_logger(__name__)


async def again_after_a_conflict(run: Callable[[], Awaitable[T]], name: str) -> T:
    """Run a transaction, and once more after a conflict: PostgreSQL rolls back one of two that wait for each other."""
    try:
        return await run()
    except DBAPIError as error:
        sqlstate = getattr(error.orig, "sqlstate", None)
        if sqlstate not in CONFLICTS:
            raise
        _log.warning("transaction_repeated", sqlstate=sqlstate, work=name)
    return await run()
