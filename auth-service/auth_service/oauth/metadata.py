"""Authorization server metadata (RFC 8414 §2, OpenID Connect Discovery 1.0 §3)."""

from collections.abc import Sequence
from typing import Any

from . import algorithms, authorization_parameters, claims, dpop_proof, pkce
from .audiences import Resources
from .authentication_context import ACRS
from .authorization_request import RESPONSE_MODES
from .client_assertion import ALGORITHMS
from .metadata_values import AUTH_METHODS, CODE, NONE
from .scope import IDENTITY


def describe(
    resources: Resources, *, grant_types: Sequence[str], registers: bool, ui_locales: Sequence[str]
) -> dict[str, Any]:
    """The document at both well-known paths. It lists only what this service supports.

    A member whose list would be empty is left out (RFC 8414 §3.2). A member equal to its default is listed only if
    another specification or a client assumes a different default.
    """
    issuer, public = resources.issuer, [each for each in resources.registered if each.is_public]
    return {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/oauth/authorize",
        "pushed_authorization_request_endpoint": f"{issuer}/oauth/par",
        "device_authorization_endpoint": f"{issuer}/oauth/device_authorization",
        "token_endpoint": f"{issuer}/oauth/token",
        "userinfo_endpoint": f"{issuer}/oauth/userinfo",
        "introspection_endpoint": f"{issuer}/oauth/introspect",
        "revocation_endpoint": f"{issuer}/oauth/revoke",
        **({"registration_endpoint": f"{issuer}/oauth/register"} if registers else {}),
        **({"client_id_metadata_document_supported": True} if resources.for_strangers.registered else {}),
        "end_session_endpoint": f"{issuer}/oauth/logout",
        "status_list_aggregation_endpoint": f"{issuer}/oauth/status-lists",
        "backchannel_logout_supported": True,
        "backchannel_logout_session_supported": True,
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "response_types_supported": [CODE],
        "response_modes_supported": list(RESPONSE_MODES),
        "grant_types_supported": list(grant_types),
        "code_challenge_methods_supported": [pkce.S256],
        "dpop_signing_alg_values_supported": list(dpop_proof.ALGORITHMS),
        "authorization_response_iss_parameter_supported": True,
        "token_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "token_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "introspection_endpoint_auth_methods_supported": [method for method in AUTH_METHODS if method != NONE],
        "introspection_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "revocation_endpoint_auth_methods_supported": list(AUTH_METHODS),
        "revocation_endpoint_auth_signing_alg_values_supported": list(ALGORITHMS),
        "scopes_supported": [*IDENTITY, *(scope for each in public for scope in each.scopes)],
        **({"protected_resources": [each.resource for each in public]} if public else {}),
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": list(algorithms.ALGORITHMS),
        "userinfo_signing_alg_values_supported": list(algorithms.ALGORITHMS),
        "claim_types_supported": ["normal"],
        "claims_supported": list(claims.SUPPORTED),
        "acr_values_supported": list(ACRS),
        "prompt_values_supported": list(authorization_parameters.PROMPTS),
        "display_values_supported": ["page"],
        "ui_locales_supported": list(ui_locales),
        "claims_parameter_supported": True,
        "request_parameter_supported": True,
        "request_object_signing_alg_values_supported": list(ALGORITHMS),
        "request_uri_parameter_supported": False,
    }
