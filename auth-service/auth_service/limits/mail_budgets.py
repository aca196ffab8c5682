"""Mails that anonymous callers cause, limited per address and per network, so that we flood no mailbox.

Both are counted before anything is known about the address, so an address without an account is counted alike.
"""

import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from ..sealed.versioned_secrets import Secrets, derive_key
from ..store.database import Database
from .budgets import counting_in_window, take_all, take_in_window

WINDOW = timedelta(hours=1)
PER_ADDRESS = 5  # mails to one address in a window
NOTICES, NOTICES_WINDOW = 5, timedelta(days=1)  # mails about sign-ins from new browsers that an account gets
CHANGES, CHANGES_WINDOW = 20, timedelta(days=1)  # passkeys that a person adds or removes, each told by a mail
RECOVERIES, RECOVERIES_WINDOW = 3, timedelta(days=30)  # that are started for an account
PER_NETWORK = (20, 60, 200)  # mails that an IPv4 address or a /64, a /56, and a /48 cause in a window


class MailBudgets:
    def __init__(self, secrets: Secrets, *, is_on: bool) -> None:
        self._key = derive_key(next(iter(secrets.values())), "auth-service mail budgets")
        self._is_on = is_on

    async def take(self, session: AsyncSession, email: str, networks: Sequence[str], *, now: datetime) -> None:
        """Count one mail to the address, caused from these networks, the narrowest first.

        Call it first in the transaction that posts the mail.

        Raises:
            TooManyAttempts: it rolls the transaction back, so nothing is counted and nothing is posted.
        """
        if not self._is_on:
            return
        for network, budget in zip(networks, PER_NETWORK, strict=False):
            await take_in_window(session, self._hash("network", network), budget, WINDOW, now=now)
        await take_in_window(session, self._hash("address", email), PER_ADDRESS, WINDOW, now=now)

    async def take_notice(self, session: AsyncSession, account_id: str, *, now: datetime) -> None:
        """Count one mail that tells an account what has happened. Raises TooManyAttempts."""
        if self._is_on:
            await take_in_window(session, self._hash("notices", account_id), NOTICES, NOTICES_WINDOW, now=now)

    async def take_notice_alone(self, database: Database, account_id: str, *, now: datetime) -> None:
        """As `take_notice`, in a transaction of its own. Raises TooManyAttempts."""
        if self._is_on:
            key = self._hash("notices", account_id)
            await take_all(database, {key: counting_in_window(key, NOTICES, NOTICES_WINDOW, now=now)}, now)

    async def take_change(self, session: AsyncSession, account_id: str, *, now: datetime) -> None:
        """Count one change that the account is told of by mail. Raises TooManyAttempts: it must not be made."""
        if self._is_on:
            await take_in_window(session, self._hash("changes", account_id), CHANGES, CHANGES_WINDOW, now=now)

    async def take_recovery(self, session: AsyncSession, account_id: str, *, now: datetime) -> None:
        """Count one recovery of the account that is started. Raises TooManyAttempts."""
        if self._is_on:
            await take_in_window(session, self._hash("recoveries", account_id), RECOVERIES, RECOVERIES_WINDOW, now=now)

    def _hash(self, *parts: str) -> str:
        return hmac.digest(self._key, "\0".join(parts).encode(), "sha256").hex()
