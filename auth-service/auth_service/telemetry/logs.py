"""Logs: one JSON object per line, without query strings, bodies, cookies, tokens, passwords or e-mail addresses."""

import json
import logging
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

import structlog

SERVICE_NAME = "auth-service"
current_request_id: ContextVar[str | None] = ContextVar("request_id", default=None)  # while a request is answered
LONGEST_CHAIN = 50  # exceptions told of one chain: Python would not recurse into a thousand

# Below WARNING these libraries log statement parameters, URLs, headers, code verifiers and tokens.
_TALKATIVE = ("alembic", "asyncio", "authlib", "httpcore2", "httpx2", "sqlalchemy")

_audit = structlog.get_logger("audit")


class _NamedWriteLogger(structlog.WriteLogger):
    """Writes each line to stdout at once, and has a name, like the standard library's loggers.

    If a line cannot be written, it is lost: a full disk must not make requests fail.
    """

    def __init__(self, name: str = "") -> None:
        super().__init__(sys.stdout)
        self.name = name

    def msg(self, message: str) -> None:
        with suppress(OSError):
            super().msg(message)

    debug = info = warning = error = critical = msg


def audit(event: str, **facts: str | int | None) -> None:
    """Log a security-relevant event. `facts` hold ids only."""
    _audit.info(event, **facts)


def configure(level: str) -> None:
    """Send structlog's and the standard library's records to stdout, in the same format.

    structlog's lines go directly to stdout: through the standard library's handlers each would cost three times as
    much, and every request writes one.
    """
    shared: list[structlog.typing.Processor] = [
        _name_request,
        structlog.stdlib.add_logger_name,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _name_service,
        _render_exception,
    ]
    render = structlog.processors.JSONRenderer(serializer=_write_json)
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        logger_factory=_NamedWriteLogger,
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[structlog.stdlib.PositionalArgumentsFormatter(), _drop_texts, *shared],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, render],
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(formatter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for library in _TALKATIVE:
        logging.getLogger(library).setLevel(logging.WARNING)


_JSON = json.JSONEncoder(default=repr)


def _write_json(event: object, **options: object) -> str:
    """Write JSON with one shared encoder; `json.dumps` would make one per line."""
    return _JSON.encode(event)


def write_requests(logger: str, finished: Iterable[Mapping[str, object]]) -> None:
    """Write the lines of finished requests, all in one system call, with the members that every line has.

    Every request has such a line, and structlog's chain would take several times as long for it.
    """
    if not logging.root.isEnabledFor(logging.INFO):
        return
    now = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    common = {"event": "request", "logger": logger, "level": "info", "timestamp": now, "service.name": SERVICE_NAME}
    with suppress(OSError):
        sys.stdout.write("".join(f"{_JSON.encode({**each, **common})}\n" for each in finished))
        sys.stdout.flush()


def _name_request(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    request_id = current_request_id.get()
    if request_id is not None:
        event["request_id"] = request_id
    return event


def _name_service(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    event["service.name"] = SERVICE_NAME
    return event


# asyncio's messages: the first line, without the arguments of a callback; and the name of a task's coroutine.
_FIRST_WORDS = re.compile(r"(?:\(\)|[^\n(])*")
_COROUTINE = re.compile(r"coro=<([\w.<>]+)\(")


def _drop_texts(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop the texts of exceptions that libraries write into their messages.

    asyncio quotes the exception of a lost task, and the arguments of a callback. Starlette renders the whole exception
    when a start or an end fails, and uvicorn logs that text; the exception itself is still being handled then.
    """
    message = event["event"]
    if event["_record"].name == "asyncio":
        event["event"] = _FIRST_WORDS.match(message)[0]  # type: ignore[index]  # it matches any text
        if coroutine := _COROUTINE.search(message):
            event["coroutine"] = coroutine[1]
    elif message.startswith("Traceback (most recent call last)"):
        event["event"] = "the application failed while it started or ended"
        event["exc_info"] = True
    return event


def _render_exception(logger: object, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Replace an exception by its type and its stack. Its text is left out: it may quote what a person typed."""
    exc_info = event.pop("exc_info", None)
    if exc_info is True:
        exc_info = sys.exc_info()
    error = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    if isinstance(error, BaseException):
        event["exception.type"] = type(error).__qualname__
        event["exception.stacktrace"] = "".join(_stack_of(error, set()))
    return event


def _stack_of(error: BaseException, seen: set[int]) -> Iterator[str]:
    """Frames, then the type, of each exception of the chain. The first cause comes first, as in Python's own output."""
    if id(error) in seen or len(seen) == LONGEST_CHAIN:
        return
    seen.add(id(error))
    earlier = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if earlier is not None:
        yield from _stack_of(earlier, seen)
    for member in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield from _stack_of(member, seen)
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__qualname__}\n"
