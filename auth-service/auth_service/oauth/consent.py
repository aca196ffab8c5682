"""Consent: what a person has to agree to before a client receives a code (OpenID Connect Core §3.1.2.4)."""

from .authorization_request import AuthorizationRequest
from .claims_parameter import SCOPES_OF_CLAIMS
from .client_metadata import ClientMetadata


def scopes_to_agree_to(request: AuthorizationRequest) -> frozenset[str]:
    """The requested scope, and the scopes that cover the claims requested by name."""
    names = request.requested_claims.names()
    return frozenset(request.scope) | {SCOPES_OF_CLAIMS[name] for name in names if name in SCOPES_OF_CLAIMS}


def counts_again(request: AuthorizationRequest, client: ClientMetadata) -> bool:
    """Whether an earlier consent covers this request.

    For a public client with a loopback redirect URI on an ephemeral port, consent is asked every time. Any local
    program can pose as that client, so the person has to see the request (RFC 8252 §8.6).
    """
    return not client.is_public or request.redirect_uri in client.redirect_uris
