"""What a person has to agree to before a client gets what it asks for (OpenID Connect Core §3.1.2.4)."""

from .authorization_request import AuthorizationRequest
from .claims_parameter import SCOPES_OF_CLAIMS


def scopes_to_agree_to(request: AuthorizationRequest) -> frozenset[str]:
    """The scope, and what the claims that are asked for by name would have cost as scope."""
    names = request.requested_claims.names()
    return frozenset(request.scope) | {SCOPES_OF_CLAIMS[name] for name in names if name in SCOPES_OF_CLAIMS}
