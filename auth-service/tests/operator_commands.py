"""The service's commands, called in this process or run as processes of their own.

A call takes a fiftieth of the time that an interpreter needs to start, and gives the same exit code and output. Use a
process for tests of signals, of a terminal, or of two commands at the same time.
"""

import io
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

from auth_service import commands

FOLDER = Path(__file__).parents[1]
LONG_LIVED = ("serve", "worker")  # they change the process's signal handlers and logs

Done = subprocess.CompletedProcess[str]
Call = Callable[[Sequence[str], Mapping[str, str]], Done]
_one_at_a_time = threading.Lock()  # a process has one environment and one standard output


def call_command(arguments: Sequence[str], environment: Mapping[str, str], stdin: str = "") -> Done:
    """Run a command in this process with only this environment."""
    assert not arguments or arguments[0] not in LONG_LIVED, "needs a process of its own"
    out, err = _stream(errors="surrogateescape"), _stream(errors="backslashreplace")
    with (
        _one_at_a_time,
        mock.patch.dict(os.environ, environment, clear=True),
        mock.patch.object(sys, "argv", ["auth_service", *arguments]),
        mock.patch.object(sys, "stdin", _stream(stdin.encode())),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        code = _exit_code()
    return subprocess.CompletedProcess(arguments, code, _written(out), _written(err))


def run_command(arguments: Sequence[str], environment: Mapping[str, str], stdin: str = "") -> Done:
    """Run a command as a process and wait for its end."""
    return subprocess.run(
        command_line(arguments),
        cwd=FOLDER,
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def command_line(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "auth_service", *arguments]


def _exit_code() -> int:
    code: object = None
    try:
        commands.main()
    except SystemExit as end:
        code = end.code
    assert code is None or isinstance(code, int), "sys.exit with a text would print one more line on stderr"
    return code or 0


def _stream(octets: bytes = b"", errors: str = "strict") -> io.TextIOWrapper:
    return io.TextIOWrapper(io.BytesIO(octets), encoding="utf-8", errors=errors, write_through=True)


def _written(stream: io.TextIOWrapper) -> str:
    buffer = stream.buffer
    assert isinstance(buffer, io.BytesIO)
    return buffer.getvalue().decode()
