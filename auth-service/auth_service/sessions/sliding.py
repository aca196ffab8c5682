"""A session that is used slides: its expiry moves, up to an absolute age."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from .browser_sessions import BrowserSession
from .lifetimes import Lifetimes


def slid_expiry(found: BrowserSession, lifetimes: Lifetimes, *, now: datetime) -> datetime | None:
    """The new expiry if the session is extended now. None: it is not due, or cannot be extended."""
    if not found.is_remembered or found.expires_at - lifetimes.ttl + lifetimes.update_age > now:
        return None
    expires_at = min(now + lifetimes.ttl, found.created_at + lifetimes.absolute_max_age)
    return expires_at if expires_at > found.expires_at else None


async def slide(session: AsyncSession, found: BrowserSession, expires_at: datetime, *, now: datetime) -> bool:
    """Extend the session. False if another request was first, or the session has ended meanwhile."""
    updated = await session.execute(
        update(BrowserSession)
        .where(BrowserSession.id == found.id, BrowserSession.expires_at == found.expires_at)
        .values(expires_at=expires_at, updated_at=now)
        .returning(BrowserSession.id)
    )
    return updated.scalar_one_or_none() is not None
