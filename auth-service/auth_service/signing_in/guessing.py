"""Comparing a password, for every endpoint that asks for one: within the budgets, and in the hashing queue."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime

from fastapi import Request

from ..accounts.passwords import PasswordHasher, Place
from ..http.current_session import device_of
from ..http.parts import Given
from ..limits.attempts import Attempt, AttemptLimiter, TooManyAttempts
from ..network.networks import networks_of
from ..telemetry.counts import RequestCounts
from ..telemetry.logs import audit


@dataclass(frozen=True)
class Tried:
    """A password to compare, with the address and the hash of the account. An unknown address has no hash.

    `stand_in` is then compared instead, so that it takes the time of an account (accounts/sign_ins.py).
    """

    email: str
    password_hash: str | None = field(repr=False)
    password: str = field(repr=False)
    stand_in: str | None = field(default=None, repr=False)


class WrongPassword(Exception):
    """The password does not match. The endpoint chooses the answer to the caller."""


@dataclass(frozen=True)
class GuessingParts(Given):
    passwords: PasswordHasher
    attempts: AttemptLimiter
    counts: RequestCounts


def place_in_queue(request: Request, passwords: PasswordHasher) -> AbstractContextManager[Place]:
    """A place for this caller in the hashing queue. Raises TooBusy if there is no free one."""
    return passwords.place(*networks_of(device_of(request).ip_address))


async def verify_password(
    request: Request, parts: GuessingParts, now: datetime, place: Place, tried: Tried, *, knows_device: bool
) -> Attempt:
    """Compare the password, and return the counted attempt. Give it back in the transaction that acts on it.

    No database connection is held while Argon2 runs.

    Args:
        knows_device: if true, only the narrowest network's budget counts the attempt.

    Raises:
        WrongPassword: the password does not match, or there is no hash. Both cost the same work.
        TooManyAttempts: a budget is used up. The password was not compared.
    """
    networks = networks_of(device_of(request).ip_address)
    try:
        attempt = await parts.attempts.take(tried.email, networks, knows_device=knows_device, now=now)
    except TooManyAttempts:
        parts.counts.attempts_held.add()
        audit("password_attempt_held")
        raise
    if not await place.matches(tried.password_hash, tried.password, stand_in=tried.stand_in):
        raise WrongPassword
    return attempt
