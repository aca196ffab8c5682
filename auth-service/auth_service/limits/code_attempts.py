"""Codes of a second factor that are tried, limited for each account by themselves.

Who tries a code has the password, or a session: strangers cannot use these budgets up. The network does not matter, as
there are only a million codes, and a thief of a password may have many networks.

* Ten codes, then a delay of 1, 2, 4 ... seconds, up to 15 minutes.
* Fifty codes a day. So a thief of the password hits one of the three valid codes with a chance of 1 in 6,700 a day.

A browser that has signed in to the account before has budgets of its own, so that the thief cannot keep the owner out.
A code is counted *before* it is checked, in one conditional statement, so that parallel guesses cannot exceed a budget.
"""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from ..sealed.versioned_secrets import Secrets, derive_key
from .budgets import AttemptBudget, give_back, take_in_window, take_with_delay

FREE_CODES = 10
DAILY_BUDGET = 50
DAY = timedelta(days=1)


@dataclass(frozen=True)
class CodeAttempt:
    """The budgets' keys of a code, to give it back if it is right."""

    delay_key: str
    daily_key: str


class CodeAttempts:
    def __init__(self, secrets: Secrets, *, is_on: bool) -> None:
        self._key = derive_key(next(iter(secrets.values())), "auth-service code attempts")
        self._is_on = is_on

    async def take(self, session: AsyncSession, account_id: str, *, knows_device: bool, now: datetime) -> CodeAttempt:
        """Count one code of the account. Call it first in a transaction of its own, before the code is checked.

        Raises:
            TooManyAttempts: it rolls the transaction back; nothing is counted.
        """
        who = "known device" if knows_device else "stranger"
        attempt = CodeAttempt(self._hash("delay", account_id, who), self._hash("day", account_id, who))
        if self._is_on:
            await take_with_delay(session, attempt.delay_key, now, FREE_CODES)
            await take_in_window(session, attempt.daily_key, DAILY_BUDGET, DAY, now=now)
        return attempt

    async def succeeded(self, session: AsyncSession, attempt: CodeAttempt) -> None:
        """Lift the delay, and give the code back to the day's budget."""
        if self._is_on:
            await session.execute(delete(AttemptBudget).where(AttemptBudget.key == attempt.delay_key))
            await give_back(session, attempt.daily_key)

    def _hash(self, *parts: str) -> str:
        return hmac.digest(self._key, "\0".join(parts).encode(), "sha256").hex()
