"""Comparing a password, wherever the protocol does: under the budgets, in the queue, with nothing open meanwhile."""

from datetime import datetime

from fastapi import Request

from .. import passwords
from ..attempts import Attempt, TooManyAttempts
from ..dependencies import Parts
from ..logs import audit
from ..networks import network_of
from .current import device_of
from .refusals import TooManyRequests


class WrongPassword(Exception):
    """The endpoint decides what the caller is told."""


async def verify_password(
    request: Request, parts: Parts, now: datetime, *, email: str, password_hash: str | None, password: str
) -> Attempt:
    """The attempt that succeeded; its budget is to be given back in the transaction that acts on it.

    No connection is taken while Argon2 runs.

    Raises:
        WrongPassword: or there is no hash, after the same work.
        Refusal: 429, when a budget is spent, whatever the password, or when the queue is full.
    """
    network = network_of(device_of(request).ip_address)
    knows_device = parts.session_cookies.knows_device(request, email)
    try:
        attempt = await parts.attempts.take(email, network, knows_device=knows_device, now=now)
    except TooManyAttempts as refused:
        audit("password_attempt_held")
        raise TooManyRequests(refused.retry_after, reason="too many attempts") from None
    try:
        matches = await parts.passwords.verify(password_hash, password, network)
    except passwords.TooBusy:
        await parts.attempts.give_back(attempt)
        raise TooManyRequests(passwords.RETRY_AFTER, reason="the hashing queue is full") from None
    if not matches:
        raise WrongPassword
    return attempt
