"""Limits of the device grant: how many devices may begin from one network, and how often a user code may be guessed.

Anybody can name a public client, so what such a client begins is counted per network: a stranger who begins many
requests keeps no other device out. A client that authenticates is limited like its other requests.

A typed code is counted before it is looked up, and given back if it was right. There are three budgets in an hour:
20 wrong codes of a network (60 of an IPv6 /56, 200 of a /48), 20 of the account that is signed in, and 10,000 in all.
With a thousand codes open, guesses of all the world together hit one with a chance of 1 in 2,500 an hour.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from ..sealed.versioned_secrets import Secrets, derive_key
from .attempts import give_back, take_in_window
from .clients import UNLIMITED, ClientLimits, Standing
from .windows import QuotaPolicy

WINDOW = timedelta(hours=1)
WRONG_PER_NETWORK = (20, 60, 200)  # of an IPv4 address or a /64, of a /56, of a /48
WRONG_PER_ACCOUNT = 20
WRONG_IN_ALL = 10_000
BEGUN_PER_NETWORK, BEGUN_WINDOW = 30, timedelta(minutes=10)
FACTORS = (1, 2, 4)  # of an address or a /64, of a /56, of a /48


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


@dataclass(frozen=True)
class DeviceLimits:
    by_width: Sequence[ClientLimits]

    async def spend(self, client_id: str, networks: Sequence[str]) -> Standing:
        """Count a device authorization request of a public client. The first limit that is exceeded decides."""
        standing = UNLIMITED
        for limits, network in zip(self.by_width, networks, strict=False):
            standing = await limits.spend("device_authorization", f"{client_id} {network}")
            if standing.is_exceeded:
                break
        return standing


def limit_devices(like: ClientLimits) -> DeviceLimits:
    """The limits, which count in the same place as those of clients. No limits if those have none."""
    return DeviceLimits([like.with_policy(QuotaPolicy(BEGUN_PER_NETWORK * each, BEGUN_WINDOW)) for each in FACTORS])
