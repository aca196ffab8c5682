"""Consent: what a person has to agree to before a client receives a code (OpenID Connect Core §3.1.2.4)."""

from .authorization_request import AuthorizationRequest
from .claims_parameter import SCOPES_OF_CLAIMS
from .client_metadata import ClientMetadata
from .redirect_uri import is_loopback, is_private_use


def scopes_to_agree_to(request: AuthorizationRequest) -> frozenset[str]:
    """The requested scope, and the scopes that cover the claims requested by name."""
    names = request.requested_claims.names()
    return frozenset(request.scope) | {SCOPES_OF_CLAIMS[name] for name in names if name in SCOPES_OF_CLAIMS}


def may_be_remembered(request: AuthorizationRequest, client: ClientMetadata) -> bool:
    """Whether an earlier consent can cover this request, or a first-party client can do without.

    A public client on a loopback address or with a scheme of its own is asked about every time: any program on the
    person's machine can pose as it, so the person has to see the request (RFC 8252 §8.6).
    """
    return not client.is_public or not (is_loopback(request.redirect_uri) or is_private_use(request.redirect_uri))
