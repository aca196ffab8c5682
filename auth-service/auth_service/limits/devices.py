"""Guesses at the user codes of devices (RFC 8628 §5.1). How many devices may begin is in networks.py.

A typed code is counted before it is looked up, and given back if it was right. There are three budgets in an hour:
20 wrong codes of a network (60 of an IPv6 /56, 200 of a /48), 20 of the account that is signed in, and 10,000 in all.
With a thousand codes open, guesses of all the world together hit one with a chance of 1 in 2,500 an hour.
"""

import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from ..sealed.versioned_secrets import Secrets, derive_key
from .budgets import give_back, take_in_window

WINDOW = timedelta(hours=1)
WRONG_PER_NETWORK = (20, 60, 200)  # of an IPv4 address or a /64, of a /56, of a /48
WRONG_PER_ACCOUNT = 20
WRONG_IN_ALL = 10_000


class UserCodeAttempts:
    def __init__(self, secrets: Secrets, *, is_on: bool) -> None:
        self._key = derive_key(next(iter(secrets.values())), "auth-service user code attempts")
        self._is_on = is_on

    async def take(
        self, session: AsyncSession, networks: Sequence[str], account_id: str | None, *, now: datetime
    ) -> Sequence[str]:
        """Count a typed code. Call it in a transaction of its own, before the code is looked up.

        Returns the keys of the budgets, for `succeeded`.

        Raises:
            TooManyAttempts: it rolls the transaction back; nothing is counted.
        """
        budgets = [(f"network {each}", most) for each, most in zip(networks, WRONG_PER_NETWORK, strict=False)]
        budgets += [] if account_id is None else [(f"account {account_id}", WRONG_PER_ACCOUNT)]
        budgets += [("all", WRONG_IN_ALL)]
        keyed = [(hmac.digest(self._key, what.encode(), "sha256").hex(), most) for what, most in budgets]
        for key, most in keyed if self._is_on else ():
            await take_in_window(session, key, most, WINDOW, now=now)
        return [key for key, _ in keyed] if self._is_on else []

    async def succeeded(self, session: AsyncSession, keys: Sequence[str]) -> None:
        """Give a right code back to its budgets."""
        for key in keys:
            await give_back(session, key)
