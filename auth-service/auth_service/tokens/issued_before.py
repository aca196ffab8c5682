"""Ending what was issued to accounts: their access tokens are revoked, their sessions and grants live on.

An access token has no row, so all tokens of a session or grant end together. The next one has another status index.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from ..grants.grants import Grant
from ..grants.status_of_grants import renew_indexes
from ..sessions.browser_sessions import BrowserSession
from ..status_lists import indexes as status_indexes

_BATCH = 500  # ids in one statement


async def lock_sessions(session: AsyncSession, account_ids: Select[str]) -> Sequence[str]:
    """Lock the sessions of these accounts, and return their ids. Call it before an API, a role or a group is changed.

    Args:
        account_ids: a query, because there may be more of them than one statement has parameters.
    """
    whose = select(BrowserSession.id).where(BrowserSession.account_id.in_(account_ids))
    return (await session.scalars(whose.order_by(BrowserSession.id).with_for_update())).all()


async def end_issued(
    session: AsyncSession, account_ids: Select[str], session_ids: Sequence[str], *, now: datetime
) -> None:
    """Revoke all access tokens of these accounts, at all clients.

    Call it after the change, and, if the query reads what is changed, while it still finds the accounts.

    Args:
        session_ids: what `lock_sessions` returned.
    """
    live = select(Grant.id).where(Grant.account_id.in_(account_ids), Grant.ended_at.is_(None))
    grant_ids = (await session.scalars(live.order_by(Grant.id).with_for_update())).all()
    for start in range(0, len(session_ids), _BATCH):
        batch = session_ids[start : start + _BATCH]
        anew = update(BrowserSession).where(BrowserSession.id.in_(batch))
        anew = anew.values(status_list_id=None, status_index=None)
        await session.execute(anew, execution_options={"synchronize_session": False})
        await status_indexes.revoke(session, batch, now=now)
    await renew_indexes(session, grant_ids, now=now)
