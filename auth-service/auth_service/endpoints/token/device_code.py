"""The device code grant (RFC 8628 §3.4): a device polls until its person has allowed it, and gets its tokens once."""

from datetime import datetime

from ...clients import document_clients
from ...clients.clients import Client
from ...grants import device_codes
from ...grants.device_codes import DeviceCode
from ...http.parts import given
from ...oauth.client_documents import is_document_url
from ...oauth.errors import AccessDenied, AuthorizationPending, ExpiredToken, InvalidGrant, SlowDown
from ...oauth.metadata_values import DEVICE_CODE
from ...oauth.parameters import Parameters
from ...store.database import Database
from . import redemption
from .code_trade import CodeParts, CodeTrade
from .messages import TokenRequest, TokenResponse

GRANT_TYPE = DEVICE_CODE
PARAMETERS = ("device_code",)


async def redeem(request: TokenRequest) -> TokenResponse:
    """The tokens, once the person has allowed the device; until then an error that says how to go on (§3.5).

    Polls are counted before anything else is said about a code that waits. A device code that its own client presents
    after its tokens were issued ends the grant, as a used authorization code does.

    Raises:
        InvalidRequest: the device_code is missing.
        AuthorizationPending, SlowDown: the device polls again, after its interval.
        AccessDenied, ExpiredToken: the device begins anew.
        InvalidGrant, InvalidTarget, InvalidScope
    """
    parts = given(request.http, CodeParts)
    code = request.parameters.require("device_code")
    async with parts.database.reading() as session:
        device = await device_codes.find(session, code)
    if device is None:
        raise InvalidGrant(redemption.not_yours("device_code"))
    if device.request.client_id != request.client.client_id:
        raise InvalidGrant(redemption.not_yours("device_code"), reason="another client's device_code")
    redemption.check_key(request, device.request.dpop_jkt, "device_code")
    _check_answer(device, request.now)
    if not await parts.database.transact(device_codes.note_poll, device, now=request.now):
        raise SlowDown("The device polls too fast. Wait five seconds longer between two polls from now on.")
    if device.answered_at is None:
        raise AuthorizationPending("The person has not answered yet.")
    code = device_codes.grant_code_of(device.code_hash)
    return await CodeTrade(request, parts, code, "device_code", lambda *_: None).run()


def _check_answer(device: DeviceCode, now: datetime) -> None:
    if device.answered_at is not None and not device.is_allowed:
        raise AccessDenied("The person said no.")
    if device.ends_at <= now:
        raise ExpiredToken("The device code has expired. Begin again.")


async def find_client(database: Database, parameters: Parameters, client_id: str, *, now: datetime) -> Client | None:
    """The client of a device code that has a metadata document, and no row before its person has allowed it."""
    code = parameters.get("device_code")
    if code is None or not is_document_url(client_id):
        return None
    async with database.reading() as session:
        device = await device_codes.find(session, code)
        if device is None or device.client_metadata is None or await document_clients.is_blocked(session, client_id):
            return None
    if device.request.client_id != client_id:
        return None
    return document_clients.restore(client_id, device.client_metadata, now=now)
