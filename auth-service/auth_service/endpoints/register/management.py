"""GET, PUT and DELETE /oauth/register/{client_id}: a client reads, replaces or ends its own registration (RFC 7592)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import APIRouter, HTTPException, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncSession

from ...audit.trail import record
from ...clients import clients, own_registrations
from ...clients.clients import Client
from ...clients.own_registrations import Registration
from ...http.bearer_tokens import invalid_token, read_bearer_token
from ...http.json_bodies import read_metadata
from ...http.oauth_requests import NO_STORE
from ...http.outgoing import outgoing_of
from ...http.parts import Given, Now, given
from ...http.public_preflight import add_preflight
from ...limits.clients import ClientLimits
from ...oauth.audiences import Resources
from ...oauth.client_metadata import ClientMetadata
from ...oauth.errors import InvalidClientMetadata, TemporarilyUnavailable
from ...resources.cache import ResourceCache
from ...store.database import Database
from .metadata import ANSWERS, BODY, PATH, allow_any_origin, check, hold_scope, respond

OWN = f"{PATH}/{{client_id}}"
# §2.2: a client must not send these
NOT_THE_CLIENTS = (
    *("registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"),
)
router = APIRouter()
add_preflight(router, OWN, methods="GET, HEAD, PUT, DELETE")


@dataclass(frozen=True)
class ManagementParts(Given):
    issuer: str
    database: Database
    registration: Registration
    client_limits: ClientLimits
    resources: ResourceCache


@router.get(OWN, responses=ANSWERS, response_model=dict[str, Any])
async def read(request: Request) -> Response:
    """The client's registration (§2.1). The secret is not in it: only its hash is stored."""
    parts = given(request, ManagementParts)
    client, token = await _authenticate(request, parts)
    return JSONResponse(respond(client, client.registration, issuer=parts.issuer, token=token), 200, NO_STORE)


@router.put(OWN, openapi_extra=BODY, responses=ANSWERS, response_model=dict[str, Any])
async def replace(request: Request, now: Now) -> Response:
    """Replace all metadata of the client (§2.2). If it needs a secret now and had none, it gets one."""
    parts = given(request, ManagementParts)
    client, token = await _authenticate(request, parts)
    members = await read_metadata(request)
    _check_own(members, client, now)
    resources = await parts.resources.current(now=now)
    checked = check(members, resources, is_stranger=own_registrations.is_stranger(client))
    answer = await parts.database.transact(_replace, client.client_id, checked, resources, token, now)
    return JSONResponse(answer, 200, NO_STORE)


@router.delete(OWN, status_code=204, responses=ANSWERS, response_class=Response)
async def delete(request: Request, now: Now) -> Response:
    """End the client with all its grants (§2.3)."""
    parts = given(request, ManagementParts)
    client, token = await _authenticate(request, parts)
    await parts.database.transact(_delete, client.client_id, token, now)
    return Response(status_code=204, headers=NO_STORE)


async def _authenticate(request: Request, parts: ManagementParts) -> tuple[Client, str]:
    """The client, and its registration access token as it was shown. The request is counted for the client.

    Raises:
        HTTPException: nobody may register here.
        BearerRefusal: no token, or not this client's. For a client that does not exist it is the same (§2.1).
        TemporarilyUnavailable
    """
    if not parts.registration.is_on:
        raise HTTPException(404)
    allow_any_origin(request)
    token = await read_bearer_token(request)
    async with parts.database.reading() as session:
        client = await clients.find(session, request.path_params["client_id"])
    if client is None or not own_registrations.is_managed_with(client, token):
        raise _unusable()
    standing = await parts.client_limits.spend("register", client.client_id)
    outgoing_of(request).fields.update(standing.header_fields)
    if standing.is_exceeded:
        raise TemporarilyUnavailable("This client has sent too many requests.")
    return client, token


def _check_own(members: Mapping[str, Any], client: Client, now: datetime) -> None:
    """Raises InvalidClientMetadata for members that a client must not change (§2.2)."""
    if sent := [name for name in NOT_THE_CLIENTS if name in members]:
        raise InvalidClientMetadata(f"{', '.join(sent)}: must not be sent in an update.")
    if members.get("client_id") != client.client_id:
        raise InvalidClientMetadata("client_id: must be sent, and be the client's own.")
    secret = members.get("client_secret")
    if secret is not None and not (isinstance(secret, str) and client.has_secret(secret, now=now)):
        raise InvalidClientMetadata("client_secret: must be the client's own, or be left out.")


async def _replace(
    session: AsyncSession, client_id: str, registration: ClientMetadata, resources: Resources, token: str, now: datetime
) -> dict[str, Any]:
    client = await _lock(session, client_id, token)
    secret = await own_registrations.replace(session, client, registration, now=now)
    await hold_scope(session, registration, resources)
    await record(session, "client_updated", now=now, client_id=client_id)
    return respond(client, registration, issuer=resources.issuer, token=token, secret=secret)


async def _delete(session: AsyncSession, client_id: str, token: str, now: datetime) -> None:
    await _lock(session, client_id, token)
    await clients.delete_client(session, client_id, now=now)
    await record(session, "client_deleted", now=now, client_id=client_id)


async def _lock(session: AsyncSession, client_id: str, token: str) -> Client:
    client = await clients.lock(session, client_id)
    if client is None or not own_registrations.is_managed_with(client, token):
        raise _unusable()  # it has just been deleted
    return client


def _unusable() -> Exception:
    return invalid_token("no such client, or not its registration access token")
