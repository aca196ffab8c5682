"""POST /revoke-session, /revoke-sessions, /revoke-other-sessions: end sessions of the caller."""

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
    """The parts to read a body and to find the caller's session."""


RESPONSES = bodies.refuses(*BODY_REFUSALS, 401)


class OneSession(bodies.Body):
    token: str  # any text; if it is not a handle, no session ends


@router.post("/revoke-session", openapi_extra=bodies.document(OneSession), responses=RESPONSES)
async def revoke_session(request: Request, now: Now) -> Done:
    """End one of the caller's sessions. An unknown handle, or one of another person, gets the same answer."""
    parts = given(request, RevocationParts)
    asked = await bodies.receive(request, OneSession, parts)
    current = await require_current(request, parts, now)
    session_id = None
    if identifiers.is_one(asked.token):
        session_id = await parts.database.transact(
            end_session, asked.token, account_id=current.account.id, offline_too=True, now=now
        )
    audit("session_revoked", account_id=current.account.id, session_id=session_id)
    if asked.token == current.session.token:
        parts.session_cookies.clear(request)
    return Done(status=True)


@router.post("/revoke-sessions", openapi_extra=bodies.document(bodies.NoMembers), responses=RESPONSES)
async def revoke_sessions(request: Request, now: Now) -> Done:
    """End all of the caller's sessions, including the current one."""
    parts = given(request, RevocationParts)
    await bodies.receive(request, bodies.NoMembers, parts)
    current = await require_current(request, parts, now)
    ended = await parts.database.transact(end_sessions, current.account.id, now=now)
    audit("sessions_revoked", account_id=current.account.id, count=ended)
    parts.session_cookies.clear(request)
    return Done(status=True)


@router.post("/revoke-other-sessions", openapi_extra=bodies.document(bodies.NoMembers), responses=RESPONSES)
async def revoke_other_sessions(request: Request, now: Now) -> Done:
    """End all of the caller's sessions except the current one."""
    parts = given(request, RevocationParts)
    await bodies.receive(request, bodies.NoMembers, parts)
    current = await require_current(request, parts, now)
    ended = await parts.database.transact(end_sessions, current.account.id, except_id=current.session.id, now=now)
    audit("sessions_revoked", account_id=current.account.id, count=ended)
    return Done(status=True)
