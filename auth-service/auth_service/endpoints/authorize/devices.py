"""The answer to a device's request: its code is allowed once, while it has not expired (RFC 8628 §3.3)."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from ...grants import device_codes
from ...http.pages import PageRefused
from ...oauth.authorization_request import AuthorizationRequest, Device


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


def describe(request: AuthorizationRequest) -> tuple[str, Mapping[str, str]]:
    """The name of the audit event when the request is allowed, and its facts."""
    if request.device is None:
        return "code_issued", {}
    return "device_allowed", {"device_address": request.device.address}
