"""A session begins, or its person is authenticated again: with a proof that is enough for their account."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from ..status_lists import indexes as status_indexes
from ..store import identifiers
from .browser_sessions import USER_AGENT_MAX_LENGTH, BrowserSession, end_surplus
from .lifetimes import UNREMEMBERED_TTL, Lifetimes
from .proofs import Proof, require_second_factor

MAX_SESSIONS = 500  # per account


@dataclass(frozen=True)
class Device:
    """The address and browser of a request, as shown to the session's owner."""

    ip_address: str
    user_agent: str


async def start_session(
    session: AsyncSession,
    account_id: str,
    proof: Proof,
    *,
    remember: bool,
    device: Device,
    lifetimes: Lifetimes,
    now: datetime,
) -> BrowserSession:
    """Start a session. Lock the account first, so that no second factor is turned on meanwhile.

    Raises:
        SecondFactorMissing
    """
    await require_second_factor(session, account_id, proof)
    ttl, session_id = lifetimes.ttl if remember else UNREMEMBERED_TTL, identifiers.draw()
    status = await status_indexes.allocate(session, session_id)
    started = BrowserSession(
        id=session_id,
        token=identifiers.draw(),
        account_id=account_id,
        is_remembered=remember,
        ip_address=device.ip_address,
        user_agent=device.user_agent[:USER_AGENT_MAX_LENGTH],
        created_at=now,
        authenticated_at=now,
        updated_at=now,
        expires_at=now + min(ttl, lifetimes.absolute_max_age),
        amr=" ".join(proof.methods),
        second_factor_at=proof.second_factor_at,
        **status.columns(),
    )
    # The newest MAX_SESSIONS of an account stay; otherwise endless sign-ins would fill the table and the status lists.
    await end_surplus(session, account_id, keep=MAX_SESSIONS - 1, now=now)
    session.add(started)
    return started


async def authenticate_again(
    session: AsyncSession, account_id: str, session_id: str, proof: Proof, *, now: datetime
) -> bool:
    """Record that the session's person signed in again. Grants and tokens are unchanged. False if it has ended.

    Raises:
        SecondFactorMissing
    """
    await require_second_factor(session, account_id, proof)
    changes = {"amr": " ".join(proof.methods), "second_factor_at": proof.second_factor_at}
    return await _change_live(session, session_id, now=now, authenticated_at=now, updated_at=now, **changes)


async def prove_second_factor(session: AsyncSession, session_id: str, proof: Proof, *, now: datetime) -> bool:
    """Record that the session's person has proved a second factor now. False if the session has ended."""
    changes = {"amr": " ".join(proof.methods), "second_factor_at": proof.second_factor_at, "updated_at": now}
    return await _change_live(session, session_id, now=now, **changes)


async def _change_live(session: AsyncSession, session_id: str, *, now: datetime, **changes: object) -> bool:
    live = update(BrowserSession).where(BrowserSession.id == session_id, BrowserSession.expires_at > now)
    changed = await session.execute(live.values(**changes).returning(BrowserSession.id))
    return changed.scalar_one_or_none() is not None
