"""POST /oauth/token."""

from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from ...clients.clients import Client
from ...http import client_requests
from ...http.client_requests import ClientRequestParts
from ...http.direct_routes import DirectRoute
from ...http.dpop import DPoPParts, read_proof, verify_clients_proof
from ...http.oauth_requests import NO_STORE, REFUSALS, document_clients_form, read_form
from ...http.parts import given
from ...oauth.dpop_proof import TOKEN_TYPE
from ...oauth.errors import UnauthorizedClient, UnsupportedGrantType
from ...store.database import Database
from ...store.instants import Clock
from ...telemetry.counts import RequestCounts
from . import device_code
from .grants import GRANT_TYPES, GRANTS, PARAMETERS
from .messages import TokenRequest, TokenResponse

router = APIRouter(route_class=DirectRoute)

FORM = document_clients_form(
    "grant_type",
    {
        "grant_type": {"type": "string", "enum": list(GRANT_TYPES)},
        **{name: {"type": "string"} for name in PARAMETERS},
        "resource": {"type": "string", "format": "uri"},
    },
)


@dataclass(frozen=True)
class TokenParts(ClientRequestParts, DPoPParts):
    clock: Clock
    counts: RequestCounts
    database: Database


@router.post("/oauth/token", openapi_extra=FORM, responses=REFUSALS, response_model=TokenResponse)
async def token(request: Request) -> Response:
    """Trade a grant for an access token.

    The client authenticates before its request is checked, so that a stranger learns nothing from the answers. Reading
    a body, or a client's keys, may take seconds. The time is taken afterwards: a sign-in may be too old by then.
    """
    parts = given(request, TokenParts)
    parameters = await read_form(request)
    proof = read_proof(request, parts, now=parts.clock())  # it may need a nonce: the client's assertion is not spent

    async def find(client_id: str) -> Client | None:
        now = parts.clock()
        known = await parts.clients.cache.find(client_id, now=now)
        return known or await device_code.find_client(parts.database, parameters, client_id, now=now)

    client = await client_requests.authenticate(request, parts, parameters, find=find, now=parts.clock())
    verify_clients_proof(parts, client, proof)
    grant_type = parameters.require("grant_type")
    redeem = GRANTS.get(grant_type)
    if redeem is None:
        raise UnsupportedGrantType(f"The grant_type is not supported; supported are {', '.join(GRANT_TYPES)}.")
    if grant_type not in client.registration.grant_types:
        known = ", ".join(client.registration.grant_types) or "none"
        raise UnauthorizedClient(f"This client is not registered for {grant_type}; its grant_types: {known}.")
    answer = await redeem(TokenRequest(request, client, parameters, parts.clock(), proof))
    if proof is not None:
        answer.token_type = TOKEN_TYPE
    parts.counts.tokens_issued.add(grant_type)
    return Response(answer.write(), headers=NO_STORE, media_type="application/json")
