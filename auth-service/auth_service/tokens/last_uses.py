"""When clients last used what an account gave them: an authorization, or a refresh."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ..grants.grants import Grant
from .refresh_tokens import RefreshTokenFamily

_CLIENT_ID = func.coalesce(Grant.client_url, Grant.client_key)
_USED_AT = func.coalesce(RefreshTokenFamily.rotated_at, RefreshTokenFamily.created_at, Grant.created_at)


async def find_last_uses(session: AsyncSession, account_id: str) -> Mapping[str, datetime]:
    """The time of the last use by client_id, for clients with a live grant. An access token leaves no trace here."""
    live = (Grant.account_id == account_id, Grant.ended_at.is_(None))
    uses = (
        select(_CLIENT_ID, func.max(_USED_AT))
        .outerjoin(RefreshTokenFamily, RefreshTokenFamily.grant_id == Grant.id)
        .where(*live)
        .group_by(_CLIENT_ID)
    )
    return {row[0]: row[1] for row in await session.execute(uses)}
