"""POST /oauth/par: a client pushes an authorization request, before it sends the browser here (RFC 9126)."""

from dataclasses import dataclass, replace

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from ...clients.clients import Client
from ...clients.document_clients import document_metadata
from ...grants import pushed_requests
from ...http import client_requests
from ...http.client_requests import ClientRequestParts
from ...http.current_session import device_of
from ...http.direct_routes import DirectRoute
from ...http.dpop import DPoPParts, read_proof, verify_clients_proof
from ...http.oauth_requests import NO_STORE, REFUSALS, document_clients_form, read_form
from ...http.outgoing import outgoing_of
from ...http.parts import given
from ...limits.networks import NetworkLimits
from ...network.networks import networks_of
from ...oauth import authorization_request
from ...oauth.authorization_parameters import STATE_MAX_LENGTH, fits
from ...oauth.errors import InvalidDPoPProof, InvalidRequest, TemporarilyUnavailable
from ...store.instants import Clock
from .request_objects import unpack_of
from .requests import RequestParts, read_request

router = APIRouter(route_class=DirectRoute)
PARAMETERS = (
    *("response_type", "redirect_uri", "scope", "state", "resource", "response_mode", "nonce", "prompt", "max_age"),
    *("code_challenge", "code_challenge_method", "login_hint", "id_token_hint", "acr_values", "claims"),
    *("ui_locales", "dpop_jkt", "request"),
)
FORM = document_clients_form(None, {name: {"type": "string"} for name in PARAMETERS})


@dataclass(frozen=True)
class PushParts(ClientRequestParts, RequestParts, DPoPParts):
    clock: Clock
    push_limits: NetworkLimits


class PushResponse(BaseModel):
    """RFC 9126 §2.2."""

    request_uri: str
    expires_in: int  # seconds


@router.post("/oauth/par", status_code=201, openapi_extra=FORM, responses=REFUSALS, response_model=PushResponse)
async def push(request: Request) -> Response:
    """Check and store an authorization request of an authenticated client. Its browser brings the `request_uri`.

    All that /oauth/authorize would refuse is refused here, as JSON (§2.3).
    """
    parts = given(request, PushParts)
    parameters = await read_form(request)
    proof = read_proof(request, parts, now=parts.clock())  # as at the token endpoint
    client = await client_requests.authenticate(request, parts, parameters, now=parts.clock())
    if proof is not None:  # at the token endpoint it may be required
        verify_clients_proof(parts, client, proof)
    await _limit(request, client, parts)
    now = parts.clock()
    if parameters.get("request_uri") is not None:
        raise InvalidRequest("A pushed request must not have a request_uri (RFC 9126).")
    parameters = await unpack_of(client, parameters, parts, now=now)
    target = authorization_request.find_target(parameters, client.registration)
    if target is None:
        raise InvalidRequest("The redirect_uri is missing, or not registered for this client.")
    if not fits(target.state, STATE_MAX_LENGTH):
        raise InvalidRequest(f"The parameter state is longer than {STATE_MAX_LENGTH} octets.")
    asked = await read_request(parameters, frozenset(), client, target, parts, now=now)
    if proof is not None:  # RFC 9449 §10.1
        if asked.dpop_jkt not in (None, proof.jkt):
            raise InvalidDPoPProof("The dpop_jkt is not the thumbprint of the key of the DPoP proof.")
        await parts.dpop_proofs.spend(proof)
        asked = replace(asked, dpop_jkt=proof.jkt)
    request_uri = await pushed_requests.store(
        parts.database,
        asked,
        client_metadata=document_metadata(client),
        is_limited=not client.registration.is_public,  # the others are counted by network
        now=now,
    )
    if request_uri is None:  # RFC 9126 §7.3
        raise TemporarilyUnavailable("Too many pushed requests of this client wait for their browsers.")
    lifetime = int(pushed_requests.TTL.total_seconds())
    return JSONResponse({"request_uri": request_uri, "expires_in": lifetime}, 201, NO_STORE)


async def _limit(request: Request, client: Client, parts: PushParts) -> None:
    """Count the push of a public client for its network. Raises TemporarilyUnavailable."""
    if not client.registration.is_public:
        return  # client_requests.py has counted it, and `store` counts what waits
    standing = await parts.push_limits.spend(client.client_id, networks_of(device_of(request).ip_address))
    outgoing_of(request).fields.update(standing.header_fields)
    if standing.is_exceeded:
        raise TemporarilyUnavailable("Too many requests of this client were pushed from this network.")
