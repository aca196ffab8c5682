"""Back-channel logout: an event for each client that a person used in a browser session that has ended.

It is written in the transaction that ends the session, for every reason: sign-out, revocation, expiry, a new password,
suspension, deletion (OpenID Connect Back-Channel Logout 1.0 §2.3). A client that was never used in the session, or
whose grant there has ended before, gets nothing.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from ..clients.clients import Client
from ..grants.grants import Grant
from .account_events import record_logout


async def record_logouts(session: AsyncSession, session_ids: Collection[str], *, now: datetime) -> None:
    """Record the logouts of these sessions. The caller ends their grants afterwards, in the same transaction."""
    begun = or_(Grant.session_id.in_(session_ids), Grant.begun_in.in_(session_ids))
    used = select(Grant.client_id, Grant.account_id, Grant.sid).distinct().where(begun, Grant.ended_at.is_(None))
    receiving = select(Client.client_id).where(Client.registered.contains('"backchannel_logout_uri"'))
    for client_id, account_id, session_id in await session.execute(used.where(Grant.client_id.in_(receiving))):
        record_logout(session, account_id, session_id, client_id=client_id, now=now)
