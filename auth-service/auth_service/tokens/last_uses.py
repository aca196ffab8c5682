"""Since when clients have access to an account, and when they last used it: an authorization, or a refresh.

Nothing is written for this: grants and refresh tokens have these times anyway. An access token leaves no trace here.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ..grants.grants import Grant
from .refresh_tokens import RefreshTokenFamily

_CLIENT_ID = func.coalesce(Grant.client_url, Grant.client_key)
_USED_AT = func.coalesce(RefreshTokenFamily.rotated_at, RefreshTokenFamily.created_at, Grant.created_at)


class Uses(NamedTuple):
    since: datetime  # the oldest of its live grants
    last: datetime


class OwnUse(NamedTuple):
    """A grant of its own: its client, where it was asked for (`Place`), and when."""

    grant_id: str
    client_id: str
    address: str | None
    user_agent: str | None
    since: datetime
    last: datetime


async def find_own_uses(session: AsyncSession, account_id: str, *, limit: int) -> Sequence[OwnUse]:
    """The live grants of their own, the newest first."""
    shown = (Grant.id, _CLIENT_ID, Grant.address, Grant.user_agent, Grant.created_at)
    uses = (
        select(*shown, func.max(_USED_AT))
        .outerjoin(RefreshTokenFamily, RefreshTokenFamily.grant_id == Grant.id)
        .where(Grant.account_id == account_id, Grant.ended_at.is_(None), Grant.begun_in.is_not(None))
        .group_by(Grant.id)
        .order_by(Grant.created_at.desc(), Grant.id)
        .limit(limit)
    )
    return [OwnUse(*row) for row in await session.execute(uses)]


async def find_uses(session: AsyncSession, account_id: str) -> Mapping[str, Uses]:
    """By client_id, for clients with a live grant."""
    live = (Grant.account_id == account_id, Grant.ended_at.is_(None))
    uses = (
        select(_CLIENT_ID, func.min(Grant.created_at), func.max(_USED_AT))
        .outerjoin(RefreshTokenFamily, RefreshTokenFamily.grant_id == Grant.id)
        .where(*live)
        .group_by(_CLIENT_ID)
    )
    return {row[0]: Uses(row[1], row[2]) for row in await session.execute(uses)}
