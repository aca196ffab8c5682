"""Consent: what a person has to agree to before a client receives a code (OpenID Connect Core §3.1.2.4)."""

from collections.abc import Mapping

from .audiences import Resources
from .authorization_request import AuthorizationRequest
from .claims_parameter import SCOPES_OF_CLAIMS
from .client_metadata import ClientMetadata
from .redirect_uri import is_loopback, is_private_use
from .scope import IDENTITY

Agreement = Mapping[str, frozenset[str]]  # scopes by audience


def to_agree_to(request: AuthorizationRequest, resources: Resources) -> Agreement:
    """What the person has to agree to: each API with its scopes, and identity scopes under the issuer.

    Claims that are requested by name count as the scopes that cover them. An API without a scope is in it, too: its
    token has its audience.
    """
    names = request.requested_claims.names()
    asked = {*request.scope, *(SCOPES_OF_CLAIMS[name] for name in names if name in SCOPES_OF_CLAIMS)}
    agreement = {
        api: frozenset(scope for scope in asked if resources.owners_of([scope]) == (api,))
        for api in request.audiences
        if api != resources.issuer
    }
    identity = frozenset(asked) & set(IDENTITY)
    return {resources.issuer: identity, **agreement} if identity or not agreement else agreement


def covers(agreed: Agreement, wanted: Agreement) -> bool:
    """Whether a person has agreed to all that is wanted: a consent for one API is none for another."""
    return all(audience in agreed and scopes <= agreed[audience] for audience, scopes in wanted.items())


def may_be_remembered(request: AuthorizationRequest, client: ClientMetadata) -> bool:
    """Whether an earlier consent can cover this request, or a first-party client can do without.

    A public client on a loopback address or with a scheme of its own is asked about every time: any program on the
    person's machine can pose as it, so the person has to see the request (RFC 8252 §8.6). So is every client on another
    device: only the person can tell whether it is theirs (RFC 10027).
    """
    if request.device is not None:
        return False
    return not client.is_public or not (is_loopback(request.redirect_uri) or is_private_use(request.redirect_uri))
