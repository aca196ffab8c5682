"""The client credentials grant (RFC 6749 §4.4): a service gets a token for itself."""

from dataclasses import dataclass

from ...clients.roles import held_by
from ...http.dpop import DPoPParts
from ...http.parts import given
from ...oauth import audiences, scope
from ...oauth.errors import InvalidClient
from ...oauth.metadata_values import CLIENT_CREDENTIALS
from ...resources.cache import ResourceCache
from ...roles.held import NOTHING
from ...tokens.issuer import TokenIssuer
from ...tokens.token_status import TokenStatus
from .messages import TokenRequest, TokenResponse

GRANT_TYPE = CLIENT_CREDENTIALS
PARAMETERS = ("scope",)


@dataclass(frozen=True)
class ClientCredentialsParts(DPoPParts):
    resources: ResourceCache
    token_status: TokenStatus
    tokens: TokenIssuer


async def redeem(request: TokenRequest) -> TokenResponse:
    """An access token whose `sub` is the client. There is no refresh token: the client can always ask again (§4.4.3).

    Raises:
        InvalidScope: the request names more scopes than the client registered, or does not say for which API.
        InvalidTarget: the resource is unknown or not for this client, or the request names several (RFC 8707 §2).
    """
    parts = given(request.http, ClientCredentialsParts)
    registration = request.client.registration
    own = tuple(token for token in registration.scope if token not in scope.IDENTITY)
    scopes = scope.narrow(own, request.parameters.get("scope"))
    asked, default = request.parameters.all("resource"), registration.default_resource
    resources = await parts.resources.naming(asked, None, now=request.now)
    named = None if request.parameters.get("scope") is None else scopes
    may = resources.open_to(own, default)
    audience = resources.audience(audiences.choose(resources, asked, named, granted=may, default=default))
    granted = " ".join(resources.of_audience(audience.identifier, scopes))
    status = await parts.token_status.of_client(request.client, now=request.now)
    if status is None:
        raise InvalidClient("No client with this client_id is registered.")
    held = held_by(request.client) if audience.names_roles else NOTHING
    if request.proof is not None:
        await parts.dpop_proofs.spend(request.proof)
    token = parts.tokens.issue_for_client(
        request.client.client_id, audience, granted, status, held, jkt=request.jkt, now=request.now
    )
    lifetime = int(parts.tokens.ttl_of(audience).total_seconds())
    return TokenResponse(access_token=token, expires_in=lifetime, scope=granted or None)
