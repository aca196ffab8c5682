"""POST /oauth/device_authorization: a device without a browser begins (RFC 8628 §3.1, §3.2).

A client with a metadata document needs no row here either: the document is read anew, within its budgets, and stored
with the code until a person has allowed it.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncSession

from ..clients.authentication import ClientAuthenticator
from ..clients.clients import Client
from ..clients.document_clients import document_metadata
from ..clients.own_registrations import apis_for, scopes_for
from ..grants import device_codes, user_codes
from ..grants.user_codes import UserCodes
from ..http import client_requests
from ..http.client_requests import ClientRequestParts
from ..http.current_session import device_of
from ..http.document_clients import DocumentParts, find_document_client
from ..http.dpop import DPoPParts, read_proof, verify_clients_proof
from ..http.oauth_requests import NO_STORE, REFUSALS, document_clients_form, read_form
from ..http.outgoing import outgoing_of
from ..http.pages import PageRefused
from ..http.parts import given
from ..network.networks import networks_of
from ..oauth import device_authorization
from ..oauth.authorization_request import AuthorizationRequest, Device
from ..oauth.client_documents import is_document_url
from ..oauth.errors import InvalidClient, TemporarilyUnavailable
from ..sealed import opaque
from ..store.instants import Clock

router = APIRouter()
FORM = document_clients_form(None, {name: {"type": "string"} for name in ("scope", "resource", "acr_values")})


@dataclass(frozen=True)
class DeviceAuthorizationParts(ClientRequestParts, DocumentParts, DPoPParts):
    clock: Clock
    clients: ClientAuthenticator
    issuer: str
    user_codes: UserCodes


class DeviceAuthorizationResponse(BaseModel):
    """RFC 8628 §3.2."""

    device_code: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_in: int  # seconds
    interval: int  # seconds


@router.post(
    "/oauth/device_authorization",
    openapi_extra=FORM,
    responses=REFUSALS,
    response_model=DeviceAuthorizationResponse,
)
async def begin(request: Request) -> Response:
    """Draw a code for the device to poll with, and one for its person to type at the page /device."""
    parts = given(request, DeviceAuthorizationParts)
    parameters = await read_form(request)
    proof = read_proof(request, parts, now=parts.clock())  # as at the token endpoint
    now = parts.clock()

    async def find(client_id: str) -> Client | None:
        return await _find(request, client_id, parts, now)

    client = await client_requests.authenticate(request, parts, parameters, find=find, now=now)
    if proof is not None:  # at the token endpoint it may be required
        verify_clients_proof(parts, client, proof)
    await _limit(request, client, parts)
    code, user_code = opaque.draw(), user_codes.draw()
    known = await parts.resources.naming(parameters.all("resource"), parameters.get("scope"), now=now)
    asked = device_authorization.read(
        parameters,
        client_id=client.client_id,
        client=client.registration,
        resources=apis_for(client, known),
        scopes=scopes_for(client, known),
        device=Device(opaque.hash_of(code), device_of(request).ip_address, int(now.timestamp())),
    )
    if proof is not None:  # the tokens are bound to the key that the device began with
        await parts.dpop_proofs.spend(proof)
        asked = replace(asked, dpop_jkt=proof.jkt)
    await parts.database.transact(_store, code, parts.user_codes.hash_of(user_code), asked, client, now)
    page, shown = f"{parts.issuer}/device", user_codes.show(user_code)
    made = DeviceAuthorizationResponse(
        device_code=code,
        user_code=shown,
        verification_uri=page,
        verification_uri_complete=f"{page}?user_code={shown}",
        expires_in=int(device_codes.TTL.total_seconds()),
        interval=device_codes.INTERVAL,
    )
    return JSONResponse(made.model_dump(), headers=NO_STORE)


async def _find(request: Request, client_id: str, parts: DeviceAuthorizationParts, now: datetime) -> Client | None:
    if not is_document_url(client_id):
        return await parts.clients.cache.find(client_id, now=now)
    try:
        return await find_document_client(request, client_id, parts, now=now)
    except PageRefused as refused:
        if refused.status == TemporarilyUnavailable.status:
            raise TemporarilyUnavailable(refused.text) from None
        raise InvalidClient("The metadata document of this client cannot be used.", client_id=client_id) from None


async def _limit(request: Request, client: Client, parts: DeviceAuthorizationParts) -> None:
    """Count the request of a public client for its network. Raises TemporarilyUnavailable."""
    if not client.registration.is_public:
        return  # client_requests.py has counted it
    networks = networks_of(device_of(request).ip_address)
    standing = await parts.user_codes.limits.spend(client.client_id, networks)
    outgoing_of(request).fields.update(standing.header_fields)
    if standing.is_exceeded:
        raise TemporarilyUnavailable("Too many devices from this network have begun with this client.")


async def _store(
    session: AsyncSession, code: str, user_code_hash: str, asked: AuthorizationRequest, client: Client, now: datetime
) -> None:
    if not await device_codes.has_room(session, client.client_id, now=now):
        raise TemporarilyUnavailable("Too many codes of this client wait for an answer.")
    metadata = document_metadata(client)
    await device_codes.store(session, code, user_code_hash, asked, client_metadata=metadata, now=now)
