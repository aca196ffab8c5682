"""Logs: one JSON object a line on stdout. Never a query string, a body, a header or a token."""

import logging
import sys
from contextlib import suppress

import structlog
from structlog.typing import EventDict, Processor

_QUIET = ("httpx2", "httpcore2", "aiosqlite", "sqlalchemy", "alembic", "asyncio")  # below WARNING they only chat


class _NamedWriteLogger(structlog.WriteLogger):
    """Writes each line to stdout at once, and knows its name, as the standard library's loggers do.

    A line that finds no room is lost: a full disk is the log's misfortune, and must not become the request's.
    """

    def __init__(self, name: str = "") -> None:
        super().__init__(sys.stdout)
        self.name = name

    def msg(self, message: str) -> None:
        with suppress(OSError):
            super().msg(message)

    debug = info = warning = error = critical = msg


def configure(level: str) -> None:
    """Send everything that any library logs to stdout, in one form.

    Ours goes there directly: through the standard library's loggers and formatters a line would cost three times as
    much, and there is one with every request.
    """
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _add_service_name,
        structlog.processors.format_exc_info,
    ]
    render = structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=_NamedWriteLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.PositionalArgumentsFormatter(), *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
        )
    )
    logging.basicConfig(handlers=[handler], level=level, force=True)
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def _add_service_name(_logger: object, _method: str, event: EventDict) -> EventDict:
    event["service.name"] = "todo-service"
    return event
