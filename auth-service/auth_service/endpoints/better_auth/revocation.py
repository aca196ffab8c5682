"""POST /revoke-session, /revoke-sessions, /revoke-other-sessions: ending one's own sessions, by their handles."""

from dataclasses import dataclass

from fastapi import Request

from ...http.parts import Now, given
from ...sessions.browser_sessions import end_session, end_sessions
from ...store import identifiers
from ...telemetry.logs import audit
from . import bodies
from .bodies import BODY_REFUSALS, BodyParts
from .current import CurrentParts, require_current
from .routes import new_router
from .wire import Done

router = new_router()


@dataclass(frozen=True)
class RevocationParts(BodyParts, CurrentParts):
    """To read a body, and to find the session that asks."""


RESPONSES = bodies.refuses(*BODY_REFUSALS, 401)


class OneSession(bodies.Body):
    token: str  # any text: what is no handle names no session


@router.post("/revoke-session", openapi_extra=bodies.document(OneSession), responses=RESPONSES)
async def revoke_session(request: Request, now: Now) -> Done:
    """End one session. An unknown handle, and somebody else's, get the same answer as one's own."""
    parts = given(request, RevocationParts)
    asked = await bodies.receive(request, OneSession, parts)
    current = await require_current(request, parts, now)
    session_id = None
    if identifiers.is_one(asked.token):
        async with parts.database.writing() as session:
            session_id = await end_session(
                session, asked.token, account_id=current.account.id, offline_too=True, now=now
            )
    audit("session_revoked", account_id=current.account.id, session_id=session_id)
    if asked.token == current.session.token:
        parts.session_cookies.clear(request)
    return Done(status=True)


@router.post("/revoke-sessions", openapi_extra=bodies.document(bodies.NoMembers), responses=RESPONSES)
async def revoke_sessions(request: Request, now: Now) -> Done:
    """End all of one's sessions, the one that asks among them."""
    parts = given(request, RevocationParts)
    await bodies.receive(request, bodies.NoMembers, parts)
    current = await require_current(request, parts, now)
    async with parts.database.writing() as session:
        ended = await end_sessions(session, current.account.id, now=now)
    audit("sessions_revoked", account_id=current.account.id, count=ended)
    parts.session_cookies.clear(request)
    return Done(status=True)


@router.post("/revoke-other-sessions", openapi_extra=bodies.document(bodies.NoMembers), responses=RESPONSES)
async def revoke_other_sessions(request: Request, now: Now) -> Done:
    """End all of one's sessions but the one that asks."""
    parts = given(request, RevocationParts)
    await bodies.receive(request, bodies.NoMembers, parts)
    current = await require_current(request, parts, now)
    async with parts.database.writing() as session:
        ended = await end_sessions(session, current.account.id, except_id=current.session.id, now=now)
    audit("sessions_revoked", account_id=current.account.id, count=ended)
    return Done(status=True)
