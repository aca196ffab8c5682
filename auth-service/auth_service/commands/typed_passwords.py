"""Passwords typed or piped by an operator. Never arguments: other users of the machine can read a command line."""

import sys
from getpass import getpass

from ..accounts.passwords import MAX_LENGTH, MIN_LENGTH, PasswordHasher, utf16_length
from .opened import CommandRefused


def read_password() -> str:
    """The password: asked for twice on a terminal, else the first line of standard input. Raises CommandRefused."""
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\r\n")
    password = getpass("Password: ")
    if getpass("Again: ") != password:
        raise CommandRefused("the two passwords differ")
    return password


async def hash_acceptable(password: str) -> str:
    """The password's hash. Raises CommandRefused if the password breaks the rules for people."""
    if not MIN_LENGTH <= utf16_length(password) <= MAX_LENGTH:
        raise CommandRefused(f"a password must have {MIN_LENGTH} to {MAX_LENGTH} characters")
    with PasswordHasher(threads=1, queue_limit=1).place("operator") as place:
        if await place.is_common(password):
            raise CommandRefused("this password is among the most common ones")
        return await place.hash(password)
