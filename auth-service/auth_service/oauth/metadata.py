"""Authorization server metadata (RFC 8414 §2, OpenID Connect Discovery 1.0 §3)."""

from typing import Any


def describe(issuer: str) -> dict[str, Any]:
    """The document of both well-known paths: only what exists, so it grows with the endpoints.

    A member whose list would be empty is left out (RFC 8414 §3.2); that goes for `response_types_supported`,
    too, for as long as there is no authorization endpoint.
    """
    return {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "scopes_supported": ["todos:read", "todos:write"],
        "protected_resources": [f"{issuer}/api/v1"],
    }
