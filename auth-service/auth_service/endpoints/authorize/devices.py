"""The answer to a device's request: its code is allowed once, while it has not expired (RFC 8628 §3.3).

Devices have grants of their own, and so have programs on the person's machine (grants/own_grants.py).
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from ...grants import device_codes
from ...grants.own_grants import Place
from ...http.pages import PageRefused
from ...oauth.authorization_request import AuthorizationRequest, Device
from ...oauth.client_metadata import ClientMetadata
from ...oauth.consent import may_be_remembered
from ...sessions.browser_sessions import BrowserSession


async def allow(session: AsyncSession, device: Device, *, now: datetime) -> timedelta:
    """Allow the device's code, and return how long it lasts. Call it after the stored request was answered.

    Raises:
        PageRefused: it has expired, or was answered by another form of the same browser.
    """
    ends_at = await device_codes.answer(session, device.code_hash, is_allowed=True, now=now)
    if ends_at is None:
        raise PageRefused(
            "This code has expired",
            "The device waits ten minutes for an answer. Start again on the device: it shows a new code.",
            reason="the device code has expired, or was answered",
        )
    return ends_at - now


def find_place(request: AuthorizationRequest, client: ClientMetadata, session: BrowserSession) -> Place | None:
    """The place of a grant of its own. None: an earlier consent counts, so the client shares the session's grant."""
    if request.device is not None:
        return Place(request.device.address)
    if may_be_remembered(request, client):
        return None
    return Place(session.ip_address, session.user_agent)


def describe(request: AuthorizationRequest, session_id: str) -> tuple[str, Mapping[str, str]]:
    """The name of the audit event when the request is allowed, and its facts."""
    if request.device is None:
        return "code_issued", {"session_id": session_id}
    return "device_allowed", {"session_id": session_id, "device_address": request.device.address}
