"""The live session of a request's credential, and starting a session for the device that sent the request."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncSession

from ..accounts.accounts import Account
from ..sessions.browser_sessions import BrowserSession, find_live
from ..sessions.lifetimes import Lifetimes
from ..sessions.proofs import Proof
from ..sessions.sliding import slid_expiry, slide
from ..sessions.starting import Device, start_session
from ..store.database import Database
from .cookies import ConflictingCookies
from .languages import note_account
from .parts import Given
from .session_cookies import SessionCookies


@dataclass(frozen=True)
class Current:
    session: BrowserSession
    account: Account


@dataclass(frozen=True)
class SessionParts(Given):
    database: Database
    session_cookies: SessionCookies
    session_lifetimes: Lifetimes


async def find_current(
    request: Request, parts: SessionParts, now: datetime, *, may_slide: bool = True
) -> Current | None:
    """The live session and its account, or None. The session is prolonged if that is due and `may_slide`.

    The cookie of a prolonged session goes out with any response to this request (outgoing.py). The same holds for
    clearing the cookie, which happens if we signed the credential but its session has ended. A forged credential stays.

    Raises:
        ConflictingCookies: the request has the credentials of two sessions. Pages show it to the person.
    """
    token = parts.session_cookies.read(request)
    if token is None:
        return None
    found = await find_live(parts.database, token, now=now)
    if found is None:
        parts.session_cookies.clear(request)
        return None
    current = Current(*found)
    note_account(request, current.account.language)
    expires_at = slid_expiry(current.session, parts.session_lifetimes, now=now)
    if may_slide and expires_at is not None:
        await _slide(current, expires_at, request, parts, now)
    return current


async def find_current_if_clear(
    request: Request, parts: SessionParts, now: datetime, *, may_slide: bool = True
) -> Current | None:
    """The same for programs: None also if the request has the credentials of two sessions. Both are deleted."""
    try:
        return await find_current(request, parts, now, may_slide=may_slide)
    except ConflictingCookies:
        return None


async def _slide(current: Current, expires_at: datetime, request: Request, parts: SessionParts, now: datetime) -> None:
    async with parts.database.writing() as session:
        slid = await slide(session, current.session, expires_at, now=now)
    if slid:  # if not, a parallel request has prolonged the session and sends the cookie
        current.session.expires_at, current.session.updated_at = expires_at, now
        parts.session_cookies.set(request, current.session, now=now)


async def start_session_here(
    request: Request,
    session: AsyncSession,
    parts: SessionParts,
    account_id: str,
    proof: Proof,
    *,
    remember: bool,
    now: datetime,
) -> BrowserSession:
    """Start a session for the device that sent the request.

    Raises:
        SecondFactorMissing: the account has a second factor, which the proof lacks.
    """
    device, lifetimes = device_of(request), parts.session_lifetimes
    return await start_session(
        session, account_id, proof, remember=remember, device=device, lifetimes=lifetimes, now=now
    )


def device_of(request: Request) -> Device:
    """The device as the session's owner will see it. The gateway sends its address; "" if that is not an IP address."""
    return Device(request.client.host if request.client else "", request.headers.get("user-agent", ""))
