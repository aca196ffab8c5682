"""The clients of the relying parties: one for each authentication method."""

from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

from e2e_fixtures.providers import Ours, Provider

KEY = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True)
CODE = {
    "client_name": "Frontend",
    "grant_types": ["authorization_code", "refresh_token"],
    "response_types": ["code"],
    "redirect_uris": ["https://rp.example.com/callback"],
    "post_logout_redirect_uris": ["https://rp.example.com/signed-out"],
    "scope": "openid profile email offline_access",
}
BY_KEY = {
    "token_endpoint_auth_method": "private_key_jwt",
    "token_endpoint_auth_signing_alg": "ES256",
    "jwks": {"keys": [{**{name: KEY[name] for name in ("kty", "crv", "x", "y")}, "kid": "rp", "use": "sig"}]},
}
CLIENTS: dict[str, dict[str, Any]] = {
    "basic": {**CODE, "token_endpoint_auth_method": "client_secret_basic"},
    "post": {**CODE, "token_endpoint_auth_method": "client_secret_post"},
    "public": {**CODE, "token_endpoint_auth_method": "none"},
    "key": {**CODE, **BY_KEY},
    "device": {
        "client_name": "Television",
        "grant_types": ["urn:ietf:params:oauth:grant-type:device_code", "refresh_token"],
        "response_types": [],
        "redirect_uris": [],
        "token_endpoint_auth_method": "none",
        "scope": CODE["scope"],
    },
    "robot": {
        **BY_KEY,
        "client_name": "Robot",
        "grant_types": ["client_credentials"],
        "response_types": [],
        "redirect_uris": [],
        "scope": "todos:read todos:write",
    },
}


def exchanging(issuer: str) -> dict[str, dict[str, Any]]:
    """The client of the todo API, which may act at /mcp, and a frontend that calls the API (RFC 8693)."""
    exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
    return {
        "caller": {**CODE, "token_endpoint_auth_method": "none", "scope": "openid todos:read"},
        "exchange": {
            "client_name": "Todos",
            "grant_types": [exchange],
            "protected_resource": f"{issuer}/api/v1",
            "exchange": [{"resource": f"{issuer}/mcp", "scope": "mcp:list mcp:add"}],
        },
    }


def register_all(provider: Provider) -> dict[str, dict[str, Any]]:
    """Register all clients; return the provider's answer for each, with the private key if the client has one.

    The control has no token exchange.
    """
    private_key = {**KEY, "kid": "rp", "alg": "ES256"}
    asked = {**CLIENTS, **(exchanging(provider.issuer) if isinstance(provider, Ours) else {})}
    return {name: {**provider.register(**each), "private_key": private_key} for name, each in asked.items()}
