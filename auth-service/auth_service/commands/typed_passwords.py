"""Passwords typed or piped by an operator. Never arguments: other users of the machine can read a command line."""

import sys
from codecs import BOM_UTF8
from getpass import getpass

from ..accounts.passwords import MAX_LENGTH, MIN_LENGTH, Cost, PasswordHasher, utf16_length
from ..accounts.weak_passwords import CommonPassword, PersonalPassword, WeakPassword, check_new
from ..settings.settings import load_settings
from .opened import CommandRefused

REFUSALS: dict[type[WeakPassword], str] = {
    CommonPassword: "this password is among the most common ones",
    PersonalPassword: "this password is little more than the person's name or address",
}
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


async def hash_acceptable(password: str, *about: str) -> str:
    """The password's hash. Raises CommandRefused if the password breaks the rules for people.

    Args:
        about: the person's name and address.
    """
    if not MIN_LENGTH <= utf16_length(password) <= MAX_LENGTH:
        raise CommandRefused(f"a password must have {MIN_LENGTH} to {MAX_LENGTH} characters")
    settings = load_settings()
    cost = Cost(settings.hashing_memory, settings.hashing_passes)
    with PasswordHasher(threads=1, queue_limit=1, cost=cost).place("operator") as place:
        try:
            await check_new(place, password, *about)
        except WeakPassword as weak:
            raise CommandRefused(REFUSALS[type(weak)]) from None
        return await place.hash(password)
