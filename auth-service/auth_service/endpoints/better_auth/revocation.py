"""POST /revoke-session, /revoke-sessions, /revoke-other-sessions: end sessions of the caller."""

from dataclasses import dataclass

from fastapi import Request

from ...audit.trail import Fact, recorded
from ...http.parts import Now, given
from ...sessions.browser_sessions import end_session, end_sessions
from ...store import identifiers
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
    if identifiers.is_one(asked.token):
        account_id = current.account.id
        end = recorded(
            end_session,
            "session_revoked",
            at=now,
            if_=bool,
            account_id=account_id,
            facts=lambda id_: {"session_id": id_},
        )
        await parts.database.transact(end, asked.token, account_id=account_id, offline_too=True, now=now)
    if asked.token == current.session.token:
        parts.session_cookies.clear(request)
    return Done(status=True)


@router.post("/revoke-sessions", openapi_extra=bodies.document(bodies.NoMembers), responses=RESPONSES)
async def revoke_sessions(request: Request, now: Now) -> Done:
    """End all of the caller's sessions, including the current one."""
    parts = given(request, RevocationParts)
    await bodies.receive(request, bodies.NoMembers, parts)
    current = await require_current(request, parts, now)
    account_id = current.account.id
    end = recorded(end_sessions, "sessions_revoked", at=now, account_id=account_id, facts=_count)
    await parts.database.transact(end, account_id, now=now)
    parts.session_cookies.clear(request)
    return Done(status=True)


@router.post("/revoke-other-sessions", openapi_extra=bodies.document(bodies.NoMembers), responses=RESPONSES)
async def revoke_other_sessions(request: Request, now: Now) -> Done:
    """End all of the caller's sessions except the current one."""
    parts = given(request, RevocationParts)
    await bodies.receive(request, bodies.NoMembers, parts)
    current = await require_current(request, parts, now)
    account_id = current.account.id
    end = recorded(end_sessions, "sessions_revoked", at=now, account_id=account_id, facts=_count)
    await parts.database.transact(end, account_id, except_id=current.session.id, now=now)
    return Done(status=True)


def _count(ended: int) -> dict[str, Fact]:
    return {"sessions": ended}
