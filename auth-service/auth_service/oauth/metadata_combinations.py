"""Members of client metadata that depend on each other: which grant types, response types and keys fit together."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from . import metadata_members as members_of
from .errors import InvalidClientMetadata, InvalidRedirectUri
from .metadata_values import (
    AUTHORIZATION_CODE,
    CLIENT_CREDENTIALS,
    CODE,
    DEVICE_CODE,
    FOR_PEOPLE,
    PRIVATE_KEY_JWT,
    REFRESH_TOKEN,
    TOKEN_EXCHANGE,
    WORKLOAD_JWT,
)

if TYPE_CHECKING:  # it imports this file
    from .client_metadata import ClientMetadata


def read_grant_types(given: Mapping[str, Any], supported: Sequence[str]) -> tuple[str, ...]:
    """The grant types; the default is authorization_code (RFC 7591 §2).

    refresh_token needs authorization_code or device_code, the grants that issue refresh tokens.
    """
    grant_types = members_of.read_strings(given, "grant_types", (AUTHORIZATION_CODE,))
    if not grant_types or not set(grant_types) <= set(supported):
        raise InvalidClientMetadata(f"grant_types: supported are {', '.join(supported)}.")
    if REFRESH_TOKEN in grant_types and not set(FOR_PEOPLE) & set(grant_types):
        raise InvalidClientMetadata(f"grant_types: refresh_token needs authorization_code or {DEVICE_CODE}.")
    return grant_types


def read_no_grant_types(given: Mapping[str, Any]) -> tuple[str, ...]:
    if members_of.read_strings(given, "grant_types"):
        raise InvalidClientMetadata("grant_types: this client has none.")
    return ()


def read_response_types(given: Mapping[str, Any], grant_types: tuple[str, ...]) -> tuple[str, ...]:
    """The response types: `code` if the client has authorization_code, otherwise none (RFC 7591 §2.1)."""
    fitting = (CODE,) if AUTHORIZATION_CODE in grant_types else ()
    response_types = members_of.read_strings(given, "response_types", fitting)
    if response_types != fitting:
        raise InvalidClientMetadata("response_types: must be code with authorization_code, and empty otherwise.")
    return response_types


def check(metadata: "ClientMetadata") -> None:
    """Raises InvalidClientMetadata or InvalidRedirectUri if the members contradict each other."""
    _check_keys(metadata)
    _check_public(metadata)
    _check_exchange(metadata)
    if DEVICE_CODE in metadata.grant_types and metadata.is_fapi2:  # all its requests are pushed, and use PKCE
        raise InvalidClientMetadata(f"grant_types: with profile {metadata.profile}, {DEVICE_CODE} is not allowed.")
    if AUTHORIZATION_CODE in metadata.grant_types and not metadata.redirect_uris:
        raise InvalidRedirectUri("redirect_uris: authorization_code needs at least one.")


def _check_keys(metadata: "ClientMetadata") -> None:
    """At most one of `jwks` and `jwks_uri` is allowed (RFC 7591 §2); private_key_jwt needs one of them."""
    if metadata.jwks is not None and metadata.jwks_uri is not None:
        raise InvalidClientMetadata("Only one of jwks and jwks_uri is allowed.")
    has_keys = metadata.jwks is not None or metadata.jwks_uri is not None
    if metadata.token_endpoint_auth_method == PRIVATE_KEY_JWT and not has_keys:
        raise InvalidClientMetadata("private_key_jwt needs jwks or jwks_uri.")
    if (metadata.token_endpoint_auth_method == WORKLOAD_JWT) != (metadata.workload is not None):
        raise InvalidClientMetadata(f"workload: it and the method {WORKLOAD_JWT} need each other.")
    if metadata.workload is not None and not has_keys:
        raise InvalidClientMetadata("workload needs the platform's keys, as jwks or jwks_uri.")
    if metadata.workload is not None and metadata.request_object_signing_alg is not None:
        raise InvalidClientMetadata("request_object_signing_alg: not with workload, whose keys are the platform's.")
    if metadata.request_object_signing_alg is not None and not has_keys:
        raise InvalidClientMetadata("request_object_signing_alg needs jwks or jwks_uri.")


def _check_exchange(metadata: "ClientMetadata") -> None:
    """The grant type and its rules belong together, and to a resource server: it trades tokens for its own API."""
    if (TOKEN_EXCHANGE in metadata.grant_types) != bool(metadata.exchange):
        raise InvalidClientMetadata(f"exchange: it and the grant type {TOKEN_EXCHANGE} need each other.")
    if metadata.exchange and not metadata.protected_resource:
        raise InvalidClientMetadata("exchange: only for a client with a protected_resource.")


def _check_public(metadata: "ClientMetadata") -> None:
    """A client without credentials may not use client_credentials (RFC 6749 §4.4) or introspection (RFC 7662 §2.1)."""
    if metadata.is_public and CLIENT_CREDENTIALS in metadata.grant_types:
        raise InvalidClientMetadata("grant_types: client_credentials needs a client that authenticates.")
    if metadata.is_public and metadata.protected_resource:
        raise InvalidClientMetadata("protected_resource: only for a client that authenticates.")
