"""Passwords typed or piped by an operator. Never arguments: other users of the machine can read a command line."""

import sys
from codecs import BOM_UTF8
from getpass import getpass

from ..accounts.passwords import MAX_LENGTH, MIN_LENGTH, PasswordHasher, utf16_length
from .opened import CommandRefused

MAX_OCTETS = 64 * 1024  # of the line with a password


def read_password() -> str:
    """The password: asked for twice on a terminal, else the first line of standard input. Raises CommandRefused."""
    if not sys.stdin.isatty():
        return _decoded(sys.stdin.buffer.readline(MAX_OCTETS))
    password = getpass("Password: ")
    if getpass("Again: ") != password:
        raise CommandRefused("the two passwords differ")
    return password


def _decoded(line: bytes) -> str:
    """The password in a line of standard input. Nobody could type what is no text, or begins with a byte order mark."""
    if line.startswith(BOM_UTF8):
        raise CommandRefused("the password begins with a byte order mark: save it as UTF-8 without one")
    try:
        return line.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise CommandRefused("the password is not UTF-8") from None


async def hash_acceptable(password: str) -> str:
    """The password's hash. Raises CommandRefused if the password breaks the rules for people."""
    if not MIN_LENGTH <= utf16_length(password) <= MAX_LENGTH:
        raise CommandRefused(f"a password must have {MIN_LENGTH} to {MAX_LENGTH} characters")
    with PasswordHasher(threads=1, queue_limit=1).place("operator") as place:
        if await place.is_common(password):
            raise CommandRefused("this password is among the most common ones")
        return await place.hash(password)
