"""Authorization server metadata (RFC 8414 §2, OpenID Connect Discovery 1.0 §3)."""

from typing import Any

from .client_assertion import ALGORITHMS
from .client_metadata import AUTH_METHODS, GRANT_TYPES
from .resources import protected_resources
from .scope import SUPPORTED


def describe(issuer: str) -> dict[str, Any]:
    """The document of both well-known paths: only what exists, so it grows with the endpoints.

    A member whose list would be empty is left out (RFC 8414 §3.2); that goes for `response_types_supported`,
    too, for as long as there is no authorization endpoint.
    """
    return {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "token_endpoint": f"{issuer}/oauth/token",
        "grant_types_supported": list(GRANT_TYPES),
        "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "scopes_supported": list(SUPPORTED),
        "protected_resources": list(protected_resources(issuer)),
    }
