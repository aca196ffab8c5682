"""Dynamic client registration (RFC 7591): a program registers itself as a client, where the deployment allows it.

Any page may call it (CORS without credentials): a browser client has no registered origin before it is registered.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncSession

from ..audit.trail import record
from ..clients import own_registrations, registration_tokens
from ..clients.information import describe
from ..clients.keys import UnusableKey, parse_key_set
from ..clients.own_registrations import Registration
from ..http.bearer_tokens import REFUSALS, invalid_token, read_bearer_token
from ..http.json_bodies import MEDIA_TYPE, read_metadata
from ..http.oauth_requests import NO_STORE
from ..http.outgoing import outgoing_of
from ..http.parts import Given, Now, given
from ..http.public_preflight import add_preflight
from ..oauth.audiences import Resources
from ..oauth.client_metadata import ClientMetadata
from ..oauth.errors import InvalidClientMetadata
from ..oauth.self_registration import parse_own
from ..resources.cache import ResourceCache
from ..resources.resources import lock_registered
from ..store.database import Database

PATH = "/oauth/register"
ANY_ORIGIN = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "WWW-Authenticate, Retry-After",
}
BODY = {"requestBody": {"required": True, "content": {MEDIA_TYPE: {"schema": {"type": "object"}}}}}
ANSWERS = {**REFUSALS, 404: {"description": "Not Found: nobody may register here"}}
router = APIRouter()
add_preflight(router, PATH, methods="POST")


@dataclass(frozen=True)
class RegisterParts(Given):
    database: Database
    registration: Registration
    resources: ResourceCache


@router.post(PATH, status_code=201, openapi_extra=BODY, responses=ANSWERS, response_model=dict[str, Any])
async def register(request: Request, now: Now) -> Response:
    """Register a client, for a program with an initial access token. Its secret is shown only now (§3.2.1)."""
    parts = given(request, RegisterParts)
    if not parts.registration.is_on:
        raise HTTPException(404)
    outgoing_of(request).fields.update(ANY_ORIGIN)
    token = await read_bearer_token(request)
    async with parts.database.reading() as session:
        if not await registration_tokens.is_usable(session, token, now=now):
            raise _unusable()
    members, resources = await read_metadata(request), await parts.resources.current(now=now)
    registration = check(members, resources)
    made = await parts.database.transact(_register, registration, resources, token, now)
    return JSONResponse(made, 201, NO_STORE)


def check(members: dict[str, Any], resources: Resources) -> ClientMetadata:
    """The checked metadata. Raises InvalidClientMetadata or InvalidRedirectUri (§3.2.2)."""
    registration = parse_own(members, resources=resources)
    if registration.jwks is not None:
        try:
            parse_key_set(registration.jwks, strictly=True)
        except UnusableKey as error:
            raise InvalidClientMetadata(f"jwks: {error}.") from None
    return registration


async def _register(
    session: AsyncSession, registration: ClientMetadata, resources: Resources, token: str, now: datetime
) -> dict[str, Any]:
    token_id = await registration_tokens.spend(session, token, now=now)
    if token_id is None:
        raise _unusable()
    client, secret = await own_registrations.register(session, registration, token_id=token_id, now=now)
    apis = resources.owners_of(registration.scope)
    if not await lock_registered(session, apis, {each for each in registration.scope if resources.owners_of([each])}):
        raise InvalidClientMetadata("scope: an API or a scope has just been removed.")
    await record(session, "client_registered", now=now, client_id=client.client_id, registered_by=client.registered_by)
    return describe(client, registration, secret)


def _unusable() -> Exception:
    return invalid_token("no such initial access token, or it is expired, revoked or used up")
