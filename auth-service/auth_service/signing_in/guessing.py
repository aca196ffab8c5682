"""Comparing a password, wherever one is asked for: under the budgets, in the queue, with nothing open meanwhile."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime

from fastapi import Request

from ..accounts.passwords import PasswordHasher, Place
from ..http.current_session import device_of
from ..http.parts import Given
from ..limits.attempts import Attempt, AttemptLimiter, TooManyAttempts
from ..network.networks import network_of
from ..telemetry.counts import RequestCounts
from ..telemetry.logs import audit


@dataclass(frozen=True)
class Tried:
    """A password, and the name and hash that it is tried on; no hash for a name that nobody has."""

    email: str
    password_hash: str | None
    password: str = field(repr=False)


class WrongPassword(Exception):
    """The endpoint decides what the caller is told."""


@dataclass(frozen=True)
class GuessingParts(Given):
    passwords: PasswordHasher
    attempts: AttemptLimiter
    counts: RequestCounts


def place_in_queue(request: Request, passwords: PasswordHasher) -> AbstractContextManager[Place]:
    """A place for this caller among those who wait for a hash. Raises TooBusy when there is none."""
    return passwords.place(network_of(device_of(request).ip_address))


async def verify_password(
    request: Request, parts: GuessingParts, now: datetime, place: Place, tried: Tried, *, knows_device: bool
) -> Attempt:
    """The attempt that succeeded; it is to be given back in the transaction that acts on it.

    No connection is taken while Argon2 runs.

    Args:
        knows_device: only the network's budget holds the caller, not the account's.

    Raises:
        WrongPassword: or there is no hash, after the same work.
        TooManyAttempts: a budget is spent, whatever the password.
    """
    network = network_of(device_of(request).ip_address)
    try:
        attempt = await parts.attempts.take(tried.email, network, knows_device=knows_device, now=now)
    except TooManyAttempts:
        parts.counts.attempts_held.add()
        audit("password_attempt_held")
        raise
    if not await place.matches(tried.password_hash, tried.password):
        raise WrongPassword
    return attempt
