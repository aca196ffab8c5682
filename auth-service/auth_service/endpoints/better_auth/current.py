"""The caller's session, for endpoints that need one."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from fastapi import Request

from ...http.current_session import Current, SessionParts, find_current_if_clear
from ...store.instants import is_recent
from .refusals import Refusal, unauthorized


@dataclass(frozen=True)
class CurrentParts(SessionParts):
    session_fresh_max_age: timedelta


async def require_current(request: Request, parts: CurrentParts, now: datetime, *, fresh: bool = False) -> Current:
    """The caller's live session. With `fresh`, the sign-in must be recent.

    Raises:
        Refusal: 401 without a live session, or 403 SESSION_NOT_FRESH.
    """
    current = await find_current_if_clear(request, parts, now)
    if current is None:
        raise unauthorized()
    if fresh and not is_recent(current.session.authenticated_at, within=parts.session_fresh_max_age, now=now):
        raise Refusal(403, "SESSION_NOT_FRESH", "Session is not fresh")
    return current
