"""/account, section "Devices": where the person is signed in, and how to sign out there."""

from datetime import datetime
from typing import NamedTuple

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from ...audit.trail import recorded
from ...http.current_session import Current, SessionParts
from ...http.pages import see_other
from ...oauth.parameters import Parameters
from ...sessions.browser_sessions import BrowserSession, end_session_by_id, end_sessions
from ...sessions.device_names import name_device
from ...sessions.listing import list_live
from .moments import day

SESSION = "session"  # the field that names one, by its id
MAX_SHOWN = 50


class Device(NamedTuple):
    id: str  # of its session
    name: str
    address: str  # "": unknown
    signed_in: str
    used: str
    is_this: bool


class Devices(NamedTuple):
    shown: list[Device]
    more: int  # number of those that are not shown


async def list_devices(session: AsyncSession, current: Current, now: datetime) -> Devices:
    """The newest devices, the one that asks first."""
    live = await list_live(session, current.account.id, now=now)
    newest = sorted(live, key=lambda each: (each.id == current.session.id, each.updated_at), reverse=True)
    return Devices([_device(each, current, now) for each in newest[:MAX_SHOWN]], max(0, len(newest) - MAX_SHOWN))


def _device(each: BrowserSession, current: Current, now: datetime) -> Device:
    return Device(
        each.id,
        name_device(each.user_agent),
        each.ip_address,
        day(each.created_at, now),
        day(each.updated_at, now),
        each.id == current.session.id,
    )


async def end_device(
    request: Request, parts: SessionParts, current: Current, form: Parameters, now: datetime
) -> Response:
    """End one of the person's sessions. Another's, or none, changes nothing."""
    account_id, session_id = current.account.id, (form.get(SESSION) or "")[:64]
    ids = {"session_id": session_id}
    end = recorded(end_session_by_id, "session_revoked", at=now, if_=bool, account_id=account_id, facts=lambda _: ids)
    await parts.database.transact(end, session_id, account_id=account_id, now=now)
    if session_id == current.session.id:
        parts.session_cookies.clear(request)
        return see_other("/signin")
    return see_other("/account", done="end-device")


async def end_other_devices(
    request: Request, parts: SessionParts, current: Current, form: Parameters, now: datetime
) -> Response:
    """End all of the person's sessions but this one, and the access that applications keep while nobody is there."""
    account_id = current.account.id
    end = recorded(
        end_sessions, "sessions_revoked", at=now, account_id=account_id, facts=lambda ended: {"sessions": ended}
    )
    await parts.database.transact(end, account_id, except_id=current.session.id, now=now)
    return see_other("/account", done="end-other-devices")
