"""An exception in the log has its type and its stack, but not its text."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import structlog
from sqlalchemy import create_engine, text

from auth_service.telemetry import logs

TYPED = "".join(("hun", "ter2"))  # joined here, so that a stack trace's source lines do not contain it


@contextmanager
def configured() -> Iterator[None]:
    """Configure logs as in a process of the service; restore pytest's afterwards."""
    with pytest.MonkeyPatch.context() as patched:
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


def test_what_refers_to_itself_is_told_once(capsys: pytest.CaptureFixture[str]) -> None:
    one, other = ValueError(), KeyError()
    one.__cause__, other.__cause__ = other, one
    with configured():
        structlog.get_logger("ours").error("it failed", exc_info=one)
    assert json.loads(capsys.readouterr().out)["exception.stacktrace"] == "KeyError\nValueError\n"
