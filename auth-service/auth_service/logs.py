"""Logs: one JSON object a line. Never in them: query strings, bodies, cookies, tokens, passwords, e-mail addresses."""

import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog

SERVICE_NAME = "auth-service"

# Below WARNING these write parameters of statements, addresses of requests, and headers.
_TALKATIVE = ("aiosqlite", "httpx2", "httpcore2")

_audit = structlog.stdlib.get_logger("audit")


def audit(event: str, **facts: str | int | None) -> None:
    """Something that a security reviewer will ask about, by ids."""
    _audit.info(event, **facts)


def configure(level: str) -> None:
    """Send structlog's and the standard library's records to stdout, in one form."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _name_service,
        _render_exception,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.PositionalArgumentsFormatter(), *shared],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for library in _TALKATIVE:
        logging.getLogger(library).setLevel(logging.WARNING)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def _name_service(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["service.name"] = SERVICE_NAME
    return event


def _render_exception(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The exception's type and where it came from. Not its text: that may quote what a person typed."""
    exc_info = event.pop("exc_info", None)
    if exc_info:
        _, error, trace = (
            sys.exc_info()
            if exc_info is True
            else (None, exc_info, exc_info.__traceback__)
            if isinstance(exc_info, BaseException)
            else exc_info
        )
        event["exception.type"] = type(error).__qualname__
        event["exception.stacktrace"] = "".join(traceback.format_tb(trace))
    return event
