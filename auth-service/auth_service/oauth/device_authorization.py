"""Device authorization requests (RFC 8628 §3.1) as values."""

from collections.abc import Sequence

from . import audiences
from . import authorization_parameters as members_of
from .audiences import Resources
from .authorization_request import ON_PAGE, AuthorizationRequest, Device
from .client_metadata import ClientMetadata
from .errors import UnauthorizedClient
from .metadata_values import DEVICE_CODE
from .parameters import Parameters


def read(
    parameters: Parameters,
    *,
    client_id: str,
    client: ClientMetadata,
    resources: Resources,
    scopes: Sequence[str],
    device: Device,
) -> AuthorizationRequest:
    """Check the request of a device. Its person signs in anew (RFC 10027), and reads what the device asks for.

    Without a scope it asks for all that the client is registered for (RFC 6749 §3.3). Of others, `scopes` are known.

    Raises:
        OAuthError
    """
    if DEVICE_CODE not in client.grant_types:
        raise UnauthorizedClient(f"This client is not registered for the grant type {DEVICE_CODE}.")
    members_of.check_form(parameters, frozenset())
    named = parameters.get("scope") is not None
    scope = members_of.read_scope(parameters, client, scopes) if named else client.scope
    may = resources.open_to(client.scope, client.default_resource)
    asked = parameters.all("resource")
    return AuthorizationRequest(
        client_id=client_id,
        redirect_uri="",
        response_mode=ON_PAGE,
        state=None,
        scope=scope,
        resource=" ".join(audiences.grant(resources, asked, scope, may=may, default=client.default_resource)),
        code_challenge=None,
        nonce=None,
        prompt=(members_of.LOGIN,),
        max_age=None,
        login_hint=None,
        acr_values=tuple((parameters.get("acr_values") or "").split()),
        claims=None,
        device=device,
    )
