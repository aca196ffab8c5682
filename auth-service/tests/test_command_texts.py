"""Arguments and passwords that are no text get one line, not a traceback."""

import subprocess

import pytest

from .conftest import Service
from .operator_commands import FOLDER, command_line

pytestmark = pytest.mark.process


@pytest.mark.parametrize(
    ("stdin", "line"),
    [
        (b"p\xe4ssw\xf6rter-1\n", "the password is not UTF-8"),
        (b"\xff\xfec\x00o\x00r\x00r\x00e\x00c\x00t\x00\n", "the password is not UTF-8"),
        (b"\xef\xbb\xbfcorrect-horse-1\n", "the password begins with a byte order mark: save it as UTF-8 without one"),
    ],
)
def test_a_password_that_is_no_text_is_refused_in_one_line(sqlite_service: Service, stdin: bytes, line: str) -> None:
    command = command_line(["users", "create", "--email", "eve@example.com"])
    done = subprocess.run(
        command, cwd=FOLDER, env=sqlite_service.environment(), input=stdin, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr.decode()) == (1, b"", f"auth-service: {line}\n")


@pytest.mark.parametrize("argument", [b"\xff", b"\xef\xbb\xbfann@example.com", b"--name=\xe4"])
def test_an_argument_that_is_no_text_is_refused_in_one_line(sqlite_service: Service, argument: bytes) -> None:
    command = [each.encode() for each in command_line(["users", "show"])] + [argument]
    done = subprocess.run(command, cwd=FOLDER, env=sqlite_service.environment(), capture_output=True, check=False)
    line = "auth-service: an argument is not UTF-8, or begins with a byte order mark\n"
    assert (done.returncode, done.stderr.decode()) == (1, line)
