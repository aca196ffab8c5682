"""POST /oauth/register."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncSession

from ...audit.trail import record
from ...clients import own_registrations, registration_tokens
from ...clients.own_registrations import Registration
from ...http.bearer_tokens import invalid_token, read_bearer_token
from ...http.current_session import device_of
from ...http.json_bodies import read_metadata
from ...http.oauth_requests import NO_STORE
from ...http.outgoing import outgoing_of
from ...http.parts import Given, Now, given
from ...http.public_preflight import add_preflight
from ...limits.registrations import RegistrationLimits
from ...network.networks import networks_of
from ...oauth.audiences import Resources
from ...oauth.client_metadata import ClientMetadata
from ...oauth.errors import TemporarilyUnavailable
from ...resources.cache import ResourceCache
from ...store.database import Database
from .metadata import ANSWERS, BODY, PATH, allow_any_origin, check, hold_scope, respond

router = APIRouter()
add_preflight(router, PATH, methods="POST")


@dataclass(frozen=True)
class RegisterParts(Given):
    database: Database
    registration: Registration
    registration_limits: RegistrationLimits
    resources: ResourceCache


@router.post(PATH, status_code=201, openapi_extra=BODY, responses=ANSWERS, response_model=dict[str, Any])
async def register(request: Request, now: Now) -> Response:
    """Register a client. Its secret is shown only now (§3.2.1).

    A program with an initial access token is known by it. Others may register where registration is open; they are
    counted per network.
    """
    parts = given(request, RegisterParts)
    if not parts.registration.is_on:
        raise HTTPException(404)
    allow_any_origin(request)
    token = None
    if parts.registration.is_open and "authorization" not in request.headers:
        await _count(request, parts)
    else:
        token = await _find_token(request, parts, now)
    members, resources = await read_metadata(request), await parts.resources.current(now=now)
    checked = check(members, resources, is_stranger=token is None)
    made = await parts.database.transact(_register, checked, resources, token, now)
    return JSONResponse(made, 201, NO_STORE)


async def _find_token(request: Request, parts: RegisterParts, now: datetime) -> str:
    """The initial access token. Raises BearerRefusal if there is none, or if it is not usable."""
    token = await read_bearer_token(request)
    async with parts.database.reading() as session:
        if not await registration_tokens.is_usable(session, token, now=now):
            raise _unusable()
    return token


async def _count(request: Request, parts: RegisterParts) -> None:
    """Count the request for its sender's networks. Raises TemporarilyUnavailable if one of them has sent too many."""
    standing = await parts.registration_limits.spend(networks_of(device_of(request).ip_address))
    outgoing_of(request).fields.update(standing.header_fields)
    if standing.is_exceeded:
        raise TemporarilyUnavailable("Too many registrations from this address. Try again later.")


async def _register(
    session: AsyncSession, registration: ClientMetadata, resources: Resources, token: str | None, now: datetime
) -> dict[str, Any]:
    token_id = None if token is None else await registration_tokens.spend(session, token, now=now)
    if token is not None and token_id is None:
        raise _unusable()
    made = await own_registrations.register(session, registration, token_id=token_id, now=now)
    await hold_scope(session, registration, resources)
    client_id, registered_by = made.client.client_id, made.client.registered_by
    await record(session, "client_registered", now=now, client_id=client_id, registered_by=registered_by)
    return respond(made.client, registration, issuer=resources.issuer, token=made.token, secret=made.secret)


def _unusable() -> Exception:
    return invalid_token("no such initial access token, or it is expired, revoked or used up")
