"""Lists of live sessions, for their owners and for operators."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from .browser_sessions import BrowserSession


async def list_live(session: AsyncSession, account_id: str, *, now: datetime) -> Sequence[BrowserSession]:
    live = select(BrowserSession).where(BrowserSession.account_id == account_id, BrowserSession.expires_at > now)
    return (await session.scalars(live.order_by(BrowserSession.created_at, BrowserSession.id))).all()


async def list_all_live(
    session: AsyncSession, *, account_id: str | None, after: str = "", limit: int, now: datetime
) -> Sequence[BrowserSession]:
    """A page of live sessions ordered by id, starting after `after`; of one account, or of all (None)."""
    whose = () if account_id is None else (BrowserSession.account_id == account_id,)
    query = select(BrowserSession).where(BrowserSession.expires_at > now, BrowserSession.id > after, *whose)
    return (await session.scalars(query.order_by(BrowserSession.id).limit(limit))).all()
