"""Grants of their own: for what a person is asked about every time, a device (RFC 8628) or a program (RFC 8252 §8.6).

Two devices that were allowed in one session share no more than a client. So each has a grant, with the place where it
was asked for, and its person can end one of them. It ends with its session as other grants do.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from ..store import identifiers
from ..store.client_ids import url_of
from ..store.rows import insert_into
from . import grants
from .grants import USER_AGENT_LENGTH, Grant

MAX_OWN = 100  # live ones of an account at a client


@dataclass(frozen=True)
class Place:
    """Where a grant of its own was asked for, by which its person recognizes it."""

    address: str  # of the device, or of the browser
    user_agent: str | None = None  # of the browser. None: a device asked


async def create(
    session: AsyncSession,
    place: Place,
    *,
    account_id: str,
    session_id: str,
    client_id: str,
    is_offline: bool,
    now: datetime,
) -> str | None:
    """Make a grant of its own, and return its id. None: the account has MAX_OWN at the client, so this one shares."""
    live = (Grant.account_id == account_id, Grant.client_id == client_id, Grant.ended_at.is_(None))
    own = select(Grant.id).where(*live, Grant.begun_in.is_not(None)).limit(MAX_OWN).subquery()
    if (await session.scalar(select(func.count()).select_from(own)) or 0) >= MAX_OWN:
        return None
    grant_id = identifiers.draw()
    made = insert_into(session, Grant).values(
        id=grant_id,
        account_id=account_id,
        session_id=grant_id,
        begun_in=session_id,
        client_id=client_id,
        client_url=url_of(client_id),
        is_offline=is_offline,
        address=place.address,
        user_agent=None if place.user_agent is None else place.user_agent[:USER_AGENT_LENGTH],
        created_at=now,
    )
    await session.execute(made)
    return grant_id


async def end(session: AsyncSession, grant_id: str, account_id: str, *, now: datetime) -> str | None:
    """End one, and return its client. None if there is none, it has ended, or it is another account's."""
    grant = await session.get(Grant, grant_id)
    if grant is None or grant.account_id != account_id or grant.begun_in is None:
        return None
    return grant.client_id if await grants.end(session, grant_id, now=now) else None
