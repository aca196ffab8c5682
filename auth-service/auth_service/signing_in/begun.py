"""The session that a person gets who has proved enough, whatever the way of signing in was."""

from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..http.current_session import Current, SessionParts, start_session_here
from ..sessions.browser_sessions import BrowserSession, end_session
from ..sessions.proofs import Proof
from ..sessions.starting import authenticate_again


async def begin_session(
    session: AsyncSession,
    request: Request,
    parts: SessionParts,
    account_id: str,
    proof: Proof,
    *,
    remember: bool,
    current: Current | None,
    now: datetime,
) -> BrowserSession:
    """Start a session in the caller's transaction, which has locked the account.

    Args:
        current: the browser's session. If it is the same person's, it continues, newly authenticated, so that other
            frontends stay signed in. If it is another person's, it ends.

    Raises:
        SecondFactorMissing
    """
    if current is not None and current.account.id == account_id:
        if await authenticate_again(session, account_id, current.session.id, proof, now=now):
            return current.session
    elif current is not None:
        await end_session(session, current.session.token, now=now)
    return await start_session_here(request, session, parts, account_id, proof, remember=remember, now=now)
