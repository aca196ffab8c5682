"""An exception in the log has its type and its stack, but not its text."""

import asyncio
import gc
import io
import json
import logging
import re
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TextIO

import pytest
import structlog
from sqlalchemy import create_engine, text
from starlette.applications import Starlette
from uvicorn import Config
from uvicorn.lifespan.on import LifespanOn

from auth_service.telemetry import logs

TYPED = "".join(("hun", "ter2"))  # joined here, so that a stack trace's source lines do not contain it


class LinesOfOneThread(io.TextIOBase):
    """Write what this thread writes. Other tests' servers run in threads of the same process, and log too."""

    def __init__(self, out: TextIO) -> None:
        self.out = out
        self.thread = threading.get_ident()

    def write(self, text: str) -> int:
        return self.out.write(text) if threading.get_ident() == self.thread else len(text)

    def flush(self) -> None:
        self.out.flush()


@contextmanager
def configured() -> Iterator[None]:
    """Configure logs as in a process of the service; restore pytest's afterwards."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stdout", LinesOfOneThread(sys.stdout))
        patched.setattr(logging.root, "handlers", [])
        patched.setattr(logging.root, "level", logging.WARNING)
        before = structlog.get_config()
        logs.configure("INFO")
        try:
            yield
        finally:
            structlog.configure(**before)  # the next file's, in the same process


def refuse_value() -> None:
    raise ValueError(f"no {TYPED}")


def refuse_with_its_cause() -> None:
    try:
        refuse_value()
    except ValueError as error:
        raise RuntimeError(TYPED) from error


def refuse_amid_another() -> None:
    try:
        refuse_value()
    finally:
        {}[TYPED]  # type: ignore[index]  # raises KeyError, because the dict is empty


def refuse_several() -> None:
    try:
        refuse_value()
    except ValueError as error:
        raise ExceptionGroup(TYPED, [error]) from None


def refuse_with_a_note() -> None:
    error = ValueError(TYPED)
    error.add_note(TYPED)
    raise error


def refuse_statement() -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        connection.execute(text("SELECT nothing FROM nowhere WHERE name = :name"), {"name": TYPED})


@pytest.mark.parametrize("logger", [structlog.get_logger("ours"), logging.getLogger("theirs")], ids=["ours", "theirs"])
@pytest.mark.parametrize(
    ("refuse", "types"),
    [
        (refuse_value, ["ValueError"]),
        (refuse_with_its_cause, ["ValueError", "RuntimeError"]),
        (refuse_amid_another, ["ValueError", "KeyError"]),
        (refuse_several, ["ValueError", "ExceptionGroup"]),
        (refuse_with_a_note, ["ValueError"]),
        (refuse_statement, ["OperationalError", "OperationalError"]),
    ],
)
def test_an_exception_is_told_by_type_and_place(
    logger: Any, refuse: Callable[[], None], types: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with configured():
        try:
            refuse()
        except Exception:
            logger.exception("it failed")
    line = capsys.readouterr().out
    logged = json.loads(line)
    assert TYPED not in line
    assert (logged["event"], logged["exception.type"]) == ("it failed", types[-1])
    stack = logged["exception.stacktrace"].splitlines()
    assert [each for each in stack if not each.startswith(" ")] == types
    assert any(refuse.__name__ in each for each in stack)
    assert "exception" not in logged


def test_another_threads_lines_are_not_among_them(capsys: pytest.CaptureFixture[str]) -> None:
    with configured():
        for write in (structlog.get_logger("ours").error, logging.getLogger("theirs").error):
            other = threading.Thread(target=write, args=("of another thread",))
            other.start()
            other.join()
            write("of this thread")
    assert [json.loads(line)["event"] for line in capsys.readouterr().out.splitlines()] == ["of this thread"] * 2


def test_what_refers_to_itself_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    one, other = ValueError(), KeyError()
    one.__cause__, other.__cause__ = other, one
    with configured():
        structlog.get_logger("ours").error("it failed", exc_info=one)
    assert json.loads(capsys.readouterr().out)["exception.stacktrace"] == "KeyError\nValueError\n"


def test_a_chain_of_thousands_is_told_by_its_end(capsys: pytest.CaptureFixture[str]) -> None:
    error: Exception = ValueError(TYPED)
    for _ in range(5000):
        later = KeyError(TYPED)
        later.__cause__ = error
        error = later
    with configured():
        structlog.get_logger("x").error("it failed", exc_info=error)
    assert json.loads(capsys.readouterr().out)["exception.stacktrace"] == "KeyError\n" * logs.LONGEST_CHAIN


async def lose_a_task() -> None:
    async def lost() -> None:
        refuse_value()

    task = asyncio.create_task(lost())
    await asyncio.wait({task})


async def fail_in_a_callback() -> None:
    def called(typed: str) -> None:
        raise ValueError(typed)

    asyncio.get_running_loop().call_soon(called, TYPED)
    await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("fail", "event"),
    [
        (lose_a_task, "Task exception was never retrieved"),
        (fail_in_a_callback, "Exception in callback fail_in_a_callback.<locals>.called"),
    ],
)
def test_asyncio_quotes_neither_an_exception_nor_a_callbacks_arguments(
    fail: Callable[[], Any], event: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with configured():
        asyncio.run(fail())
        gc.collect()  # asyncio logs a lost exception when its task is collected
    line = capsys.readouterr().out
    logged = json.loads(line)
    assert TYPED not in line
    assert (logged["event"], logged["exception.type"]) == (event, "ValueError")
    assert logged.get("coroutine", "lose_a_task.<locals>.lost") == "lose_a_task.<locals>.lost"
    assert ("coroutine" in logged) is (fail is lose_a_task)


@pytest.mark.parametrize(
    "event", ["socket.send() raised exception.", "Task was destroyed but it is pending!", "one line: a (b)"]
)
def test_a_message_without_values_is_logged_whole(event: str, capsys: pytest.CaptureFixture[str]) -> None:
    with configured():
        logging.getLogger("theirs" if "(b)" in event else "asyncio").error(event)
    assert json.loads(capsys.readouterr().out)["event"] == event


def test_a_start_that_fails_is_logged_without_the_exceptions_text(capsys: pytest.CaptureFixture[str]) -> None:
    @asynccontextmanager
    async def refusing(_: Starlette) -> AsyncIterator[None]:
        refuse_value()
        yield

    async def start() -> bool:
        lifespan = LifespanOn(Config(Starlette(lifespan=refusing), log_config=None))
        await lifespan.startup()
        return lifespan.should_exit

    with configured():
        assert asyncio.run(start())
    out = capsys.readouterr().out
    assert TYPED not in out
    [failed] = [logged for logged in map(json.loads, out.splitlines()) if "exception.type" in logged]
    assert (failed["event"], failed["exception.type"]) == (
        "the application failed while it started or ended",
        "ValueError",
    )
    assert "refuse_value" in failed["exception.stacktrace"]


def test_no_control_character_is_written_raw(capsys: pytest.CaptureFixture[str]) -> None:
    """A log is read in terminals, which obey C0 and C1 control characters."""
    with configured():
        structlog.get_logger("ours").info("\x9b31m", told="\x1b[31m\x85\x7f\u2028")
        logging.getLogger("theirs").warning("\x9b31m %s", "\x1b[31m\x85\x7f\u2028")
    assert re.findall(r"[^ -~\n]", capsys.readouterr().out) == []


def test_the_line_of_a_request_has_what_every_line_has(capsys: pytest.CaptureFixture[str]) -> None:
    with configured():
        outside = logs.current_request_id.set("id-of-request")
        structlog.get_logger("access").info("request")
        logs.current_request_id.reset(outside)
        logs.write_requests("access", [{"request_id": "id-of-request"}, {"request_id": "another"}])
    usual, *finished = map(json.loads, capsys.readouterr().out.splitlines())
    assert re.fullmatch(r"[0-9-]{10}T[0-9:.]{15}Z", finished[0]["timestamp"])
    assert [each | {"timestamp": ""} for each in finished] == [
        usual | {"timestamp": ""},
        usual | {"timestamp": "", "request_id": "another"},
    ]


def test_no_request_is_logged_at_level_warning(capsys: pytest.CaptureFixture[str]) -> None:
    with configured():
        logging.root.setLevel("WARNING")
        logs.write_requests("access", [{}])
    assert capsys.readouterr().out == ""


def test_a_full_disk_fails_no_request() -> None:
    class Full(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError

    with configured(), pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "stdout", Full())
        logs.write_requests("access", [{}])
