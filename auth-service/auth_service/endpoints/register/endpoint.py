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
from ...http.json_bodies import read_metadata
from ...http.oauth_requests import NO_STORE
from ...http.parts import Given, Now, given
from ...http.public_preflight import add_preflight
from ...oauth.audiences import Resources
from ...oauth.client_metadata import ClientMetadata
from ...resources.cache import ResourceCache
from ...store.database import Database
from .metadata import ANSWERS, BODY, PATH, allow_any_origin, check, hold_scope, respond

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
    allow_any_origin(request)
    token = await read_bearer_token(request)
    async with parts.database.reading() as session:
        if not await registration_tokens.is_usable(session, token, now=now):
            raise _unusable()
    members, resources = await read_metadata(request), await parts.resources.current(now=now)
    made = await parts.database.transact(_register, check(members, resources), resources, token, now)
    return JSONResponse(made, 201, NO_STORE)


async def _register(
    session: AsyncSession, registration: ClientMetadata, resources: Resources, token: str, now: datetime
) -> dict[str, Any]:
    token_id = await registration_tokens.spend(session, token, now=now)
    if token_id is None:
        raise _unusable()
    made = await own_registrations.register(session, registration, token_id=token_id, now=now)
    await hold_scope(session, registration, resources)
    client_id, registered_by = made.client.client_id, made.client.registered_by
    await record(session, "client_registered", now=now, client_id=client_id, registered_by=registered_by)
    return respond(made.client, registration, issuer=resources.issuer, token=made.token, secret=made.secret)


def _unusable() -> Exception:
    return invalid_token("no such initial access token, or it is expired, revoked or used up")
