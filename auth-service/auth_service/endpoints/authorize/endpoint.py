"""GET and POST /oauth/authorize."""

from dataclasses import dataclass, replace
from datetime import datetime

from fastapi import APIRouter, Request, Response

from ...clients.document_clients import document_metadata
from ...grants import authorization_requests
from ...http.direct_routes import DirectRoute
from ...http.oauth_requests import read_form_octets
from ...http.pages import ANSWERS, AUTHORIZE, HANDLE, PageRefused, see_other
from ...http.parts import given
from ...http.pending_requests import PendingParts, PendingRequest, require_pending
from ...oauth.errors import OAuthError
from ...sealed import opaque
from ...store.instants import Clock
from .answers import answer_again, refuse_at_once
from .pushed import find_pushed, is_pushed, name_pushed
from .request_objects import unpack
from .requests import RequestParts, find_client, read_parameters, read_unpushed, renew_client
from .steps import StepParts, proceed

router = APIRouter(route_class=DirectRoute)


@dataclass(frozen=True)
class AuthorizeParts(RequestParts, StepParts, PendingParts):
    """The parts to read a new request, to find a pending one, and to take its next step."""

    clock: Clock


@router.get(AUTHORIZE, response_class=Response, responses=ANSWERS)
async def authorize(request: Request) -> Response:
    """Begin a new request, or continue a stored one after a page."""
    parts = given(request, AuthorizeParts)
    now = parts.clock()
    parameters, repeated = read_parameters(request.scope["query_string"])
    handle = parameters.get(HANDLE)
    if handle is not None and parameters.get("client_id") is None:
        return await _resume(request, await require_pending(request, parts, handle, now=now), parts, now)
    if is_pushed(parameters):
        return await _resume(request, await find_pushed(request, parameters, parts, now=now), parts, now)
    parameters = await unpack(request, parameters, parts, now=now)
    client, target = await find_client(request, parameters, parts, now=now)
    try:
        asked = await read_unpushed(parameters, repeated, client, target, parts, now=now)
    except OAuthError as refusal:
        return await refuse_at_once(request, client, target, refusal, parts, now)
    return await proceed(request, PendingRequest(asked, client, opaque.draw()), parts, now)


@router.post(AUTHORIZE, response_class=Response, responses=ANSWERS)
async def authorize_by_form(request: Request) -> Response:
    """The same by POST (OpenID Connect Core §3.1.2.1).

    A form from another site comes without our cookies. So the request is only checked and stored, and the browser is
    redirected to a GET, which has the cookies. Until then the request belongs to no browser.
    """
    parts = given(request, AuthorizeParts)
    now = parts.clock()
    try:
        parameters, repeated = read_parameters(await read_form_octets(request))
    except OAuthError as error:
        raise PageRefused(
            "This link does not work", "The form that sent you here cannot be read.", status=error.status
        ) from None
    if is_pushed(parameters):
        return see_other(AUTHORIZE, **name_pushed(parameters))
    parameters = await unpack(request, parameters, parts, now=now)
    client, target = await find_client(request, parameters, parts, now=now)
    try:
        asked = await read_unpushed(parameters, repeated, client, target, parts, now=now)
    except OAuthError as refusal:
        return await refuse_at_once(request, client, target, refusal, parts, now)
    handle = opaque.draw()
    async with parts.database.writing() as session:
        metadata = document_metadata(client)
        await authorization_requests.store(session, handle, asked, browser=None, client_metadata=metadata, now=now)
    return see_other(AUTHORIZE, **{HANDLE: handle})


async def _resume(request: Request, found: PendingRequest, parts: AuthorizeParts, now: datetime) -> Response:
    pending, handle = await renew_client(request, found, parts, now=now), found.handle
    if pending.is_answered:
        return await answer_again(request, handle, parts, now)
    if pending.is_unbound:  # it is bound to this browser by what this visit stores
        pending = replace(pending, browser=parts.browsers.recognize(request))
    return await proceed(request, pending, parts, now)
