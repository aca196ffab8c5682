"""Judging a password that a person chooses: at a sign-up, a reset and a change."""

from dataclasses import dataclass

from fastapi import Request

from ..accounts.breached_passwords import BreachedPasswords
from ..accounts.passwords import PasswordHasher
from ..accounts.weak_passwords import check_new
from ..http.parts import Given
from .guessing import place_in_queue


@dataclass(frozen=True)
class NewPasswordParts(Given):
    passwords: PasswordHasher
    breached_passwords: BreachedPasswords


async def judge_new(request: Request, parts: NewPasswordParts, password: str, *about: str) -> None:
    """Check a password of an accepted length: first by our own rules, then in the list of those that were lost.

    The caller takes its place in the hashing queue afterwards, so that nobody holds one during the look-up.

    Args:
        about: the person's name, user name and address.

    Raises:
        WeakPassword, TooBusy
    """
    with place_in_queue(request, parts.passwords) as place:
        await check_new(place, password, *about)
    await parts.breached_passwords.check(password)
