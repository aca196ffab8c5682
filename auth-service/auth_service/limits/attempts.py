"""Password attempts, limited so that guessing is slow and nobody can lock out somebody else.

There are two budgets:

* Per account and network: five attempts, then a delay of 1, 2, 4 ... seconds, up to 15 minutes. It does not affect the
  owner on another network. In IPv6 a network is a /64; a guesser may hold a /56 or a /48, so these have budgets of 15
  and 50 attempts. Neighbours may share those, so they do not affect a browser that has signed in to the account before.
* Per account: a hundred attempts an hour, against guessing from many networks. It does not affect a browser that has
  signed in to the account before.

An attempt is taken *before* the password is hashed, in one conditional statement, so that parallel guesses cannot
exceed a budget. Correct passwords and unknown addresses are delayed like all others: the budgets count names, whether
or not an account has them.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from ..sealed.versioned_secrets import Secrets, derive_key
from ..store.database import Database
from ..store.together import Asked, send
from .budgets import TooManyAttempts, counting_in_window, counting_with_delay, forgetting, giving_back, take_all

__all__ = ["Attempt", "AttemptLimiter", "TooManyAttempts"]

FREE_ATTEMPTS = (5, 15, 50)  # of an IPv4 address or a /64, of a /56, of a /48
ACCOUNT_BUDGET = 100
ACCOUNT_WINDOW = timedelta(hours=1)


@dataclass(frozen=True)
class Attempt:
    """The budgets' keys of an attempt, to give it back if it succeeds. None: the account's budget did not apply."""

    network_keys: tuple[str, ...]  # the narrowest first
    account_key: str | None


class AttemptLimiter:
    def __init__(self, database: Database, secrets: Secrets, *, is_on: bool) -> None:
        self._database = database
        self._key = derive_key(next(iter(secrets.values())), "auth-service attempts")
        self._is_on = is_on

    async def take(self, account: str, networks: Sequence[str], *, knows_device: bool, now: datetime) -> Attempt:
        """Take one attempt from all budgets, or from none.

        Args:
            account: the e-mail address that is tried, normalized as in the accounts table.
            networks: those of the caller, the narrowest first.
            knows_device: the browser has signed in to this account before; only the narrowest network's budget applies.

        Raises:
            TooManyAttempts: no budget is changed.
        """
        counted = networks[:1] if knows_device else networks
        attempt = Attempt(
            tuple(self._hash("network", account, network) for network in counted),
            None if knows_device else self._hash("account", account),
        )
        if self._is_on:
            await take_all(self._database, self._counting(attempt, now), now)
        return attempt

    def _counting(self, attempt: Attempt, now: datetime) -> Mapping[str, Asked]:
        """Its statements, by the budget's key: the narrowest network first, so that two transactions never deadlock."""
        limited = zip(attempt.network_keys, FREE_ATTEMPTS, strict=False)
        counting = {key: counting_with_delay(key, free, now=now) for key, free in limited}
        if (key := attempt.account_key) is not None:
            counting[key] = counting_in_window(key, ACCOUNT_BUDGET, ACCOUNT_WINDOW, now=now)
        return counting

    async def forget(self, session: AsyncSession, account: str, networks: Sequence[str]) -> None:
        """Reset the budgets of these networks: a person who reads the account's mail need not guess."""
        keys = [self._hash("network", account, network) for network in networks if self._is_on]
        await send(session, {key: forgetting(key) for key in keys})

    async def succeeded(self, session: AsyncSession, attempt: Attempt) -> None:
        await send(session, self.giving_back(attempt))

    def giving_back(self, attempt: Attempt) -> Mapping[str, Asked]:
        """Reset the budgets of the networks, and give the attempt back to the account's budget."""
        if not self._is_on:
            return {}
        given_back = {key: forgetting(key) for key in attempt.network_keys}
        return given_back if (key := attempt.account_key) is None else {**given_back, key: giving_back(key)}

    def _hash(self, *parts: str) -> str:
        return hmac.digest(self._key, "\0".join(parts).encode(), "sha256").hex()
