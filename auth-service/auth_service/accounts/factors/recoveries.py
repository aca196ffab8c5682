"""Recovery: getting into an account whose second factor is lost, by a mailed link, after a delay.

An account has at most one at a time, in two columns of its row, so every page knows it without a further statement. The
delay begins when the worker writes the mail, so the owner has the whole delay to stop the recovery.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, update
from sqlalchemy.ext.asyncio import AsyncSession

from ...mail.kinds import Kind
from ...mail.links import void_links
from ..accounts import Account

USABLE_FOR = timedelta(days=7)  # after the delay
TOLD_WITHIN = timedelta(days=3)  # a recovery whose mail could not be written for so long has ended


@dataclass(frozen=True)
class Recovery:
    started_at: datetime
    ready_at: datetime | None  # None: the mail about it is not written yet

    @property
    def ends_at(self) -> datetime:
        return self.started_at + TOLD_WITHIN if self.ready_at is None else self.ready_at + USABLE_FOR

    def is_ready(self, now: datetime) -> bool:
        return self.ready_at is not None and self.ready_at <= now


def recovery_of(account: Account, now: datetime) -> Recovery | None:
    """The account's recovery. None: there is none, or it has ended."""
    if account.recovery_started_at is None:
        return None
    recovery = Recovery(account.recovery_started_at, account.recovery_ready_at)
    return recovery if now < recovery.ends_at else None


async def start(session: AsyncSession, account_id: str, *, now: datetime) -> bool:
    """Start a recovery. False: there is one already, which goes on as it is. Lock the account first.

    Links of an earlier one end: they are for that one only.
    """
    has_ended = or_(
        Account.recovery_started_at.is_(None),
        Account.recovery_ready_at <= now - USABLE_FOR,
        Account.recovery_ready_at.is_(None) & (Account.recovery_started_at <= now - TOLD_WITHIN),
    )
    started = update(Account).where(Account.id == account_id, has_ended)
    started = started.values(recovery_started_at=now, recovery_ready_at=None)
    if await session.scalar(started.returning(Account.id), execution_options=_QUIETLY) is None:
        return False
    await void_links(session, account_id, Kind.RECOVERY_STARTED, now=now)
    return True


async def tell(session: AsyncSession, account_id: str, ready_at: datetime) -> None:
    """The mail about it is about to be sent: from when its link can be used. Lock the account first."""
    told = update(Account).where(Account.id == account_id, Account.recovery_started_at.is_not(None))
    await session.execute(told.values(recovery_ready_at=ready_at), execution_options=_QUIETLY)


async def end(session: AsyncSession, account_id: str, *, now: datetime) -> bool:
    """End the account's recovery with its links. False: there was none. Lock the account first."""
    running = update(Account).where(Account.id == account_id, Account.recovery_started_at.is_not(None))
    ended = running.values(recovery_started_at=None, recovery_ready_at=None)
    if await session.scalar(ended.returning(Account.id), execution_options=_QUIETLY) is None:
        return False
    await void_links(session, account_id, Kind.RECOVERY_STARTED, now=now)
    return True


_QUIETLY = {"synchronize_session": False}
