"""What a person has to agree to before a client gets what it asks for (OpenID Connect Core §3.1.2.4)."""

from .authorization_request import AuthorizationRequest
from .claims_parameter import SCOPES_OF_CLAIMS
from .client_metadata import ClientMetadata


def scopes_to_agree_to(request: AuthorizationRequest) -> frozenset[str]:
    """The scope, and what the claims that are asked for by name would have cost as scope."""
    names = request.requested_claims.names()
    return frozenset(request.scope) | {SCOPES_OF_CLAIMS[name] for name in names if name in SCOPES_OF_CLAIMS}


def counts_again(request: AuthorizationRequest, client: ClientMetadata) -> bool:
    """Whether a yes of another day counts for this request.

    Not where any program may answer to the client's name: a public one, at a port of this computer that it has just
    drawn. Its person has to see that it asks (RFC 8252 §8.6).
    """
    return not client.is_public or request.redirect_uri in client.redirect_uris
