"""POST /oauth/token."""

from fastapi import APIRouter, Request, Response

from ...http import client_requests
from ...http.direct_routes import DirectRoute
from ...http.oauth_requests import NO_STORE, REFUSALS, document_clients_form, read_form
from ...http.parts import parts_of
from ...oauth.errors import UnauthorizedClient, UnsupportedGrantType
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


@router.post("/oauth/token", openapi_extra=FORM, responses=REFUSALS, response_model=TokenResponse)
async def token(request: Request) -> Response:
    """Trade a grant for an access token.

    The client is known before anything is said about its request, so that a stranger learns nothing from the answers.
    """
    parts = parts_of(request)
    now = parts.clock()
    parameters = await read_form(request)
    client = await client_requests.authenticate(request, parts, parameters, now=now)
    grant_type = parameters.require("grant_type")
    redeem = GRANTS.get(grant_type)
    if redeem is None:
        raise UnsupportedGrantType("This grant type is not supported.")
    if grant_type not in client.registration.grant_types:
        raise UnauthorizedClient("This client may not use this grant type.")
    answer = await redeem(TokenRequest(client, parameters, now), parts)
    parts.counts.tokens_issued.add(grant_type)
    return Response(answer.model_dump_json(exclude_none=True), headers=NO_STORE, media_type="application/json")
