"""The second factor of an account as a whole."""

from datetime import datetime

from sqlalchemy import delete, update
from sqlalchemy.ext.asyncio import AsyncSession

from .. import accounts
from ..accounts import Account
from . import recoveries, recovery_codes, trusted_browsers
from .totp_factors import TotpFactor


async def disable(session: AsyncSession, account_id: str, *, now: datetime) -> bool:
    """Delete the account's app and recovery codes, and trust no browser any more.

    False if no second factor was on; one only begun is deleted, too.
    """
    await accounts.lock(session, account_id)
    await session.execute(delete(TotpFactor).where(TotpFactor.account_id == account_id))
    await recovery_codes.delete_all(session, account_id)
    await trusted_browsers.forget(session, account_id)
    await recoveries.end(session, account_id, now=now)
    enabled = update(Account).where(Account.id == account_id, Account.second_factor_at.is_not(None))
    disabled = enabled.values(second_factor_at=None, updated_at=now).returning(Account.id)
    return (await session.execute(disabled)).scalar_one_or_none() is not None


async def require(session: AsyncSession, account_id: str, since: datetime | None) -> None:
    """Whether the account has to have one (None: no). Whoever has none sets it up at the next sign-in."""
    required = update(Account).where(Account.id == account_id).values(second_factor_required_at=since)
    await session.execute(required)
