"""Logs: one JSON object a line on stdout. Never a query string, a body, a header or a token."""

import logging
import sys

import structlog
from structlog.typing import EventDict, Processor

_QUIET = ("httpx2", "httpcore2", "aiosqlite", "sqlalchemy", "alembic", "asyncio")  # below WARNING they only chat


def configure(level: str) -> None:
    """Send everything that any library logs through one renderer."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_service_name,
        structlog.processors.format_exc_info,
    ]
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _add_service_name(_logger: object, _method: str, event: EventDict) -> EventDict:
    event["service.name"] = "todo-service"
    return event
