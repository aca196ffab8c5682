"""The members of client metadata (RFC 7591 §2), each read and checked by itself."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from . import scope as scopes
from .audiences import Resources
from .client_assertion import ALGORITHMS
from .errors import InvalidClientMetadata, InvalidRedirectUri, OAuthError
from .names import NotAName, parse_name
from .redirect_uri import check_redirect_uri

URI_MAX_LENGTH = 2048
MAX_REDIRECT_URIS = 32
_URI = re.compile(r"[\x21\x24-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]+")  # no quotes, <>, backslash or #

_HTTPS = ("https://",)

Given = Mapping[str, Any]
T = TypeVar("T")
D = TypeVar("D", str, None)

# Members that ask for a protection, each with the values that we do meet (RFC 7591 §2 and its registry).
UNMET: Mapping[str, tuple[object, ...]] = {
    "subject_type": ("public",),
    "sector_identifier_uri": (),
    "id_token_encrypted_response_alg": (),
    "id_token_encrypted_response_enc": (),
    "userinfo_encrypted_response_alg": (),
    "userinfo_encrypted_response_enc": (),
    "introspection_signed_response_alg": (),
    "introspection_encrypted_response_alg": (),
    "introspection_encrypted_response_enc": (),
    "authorization_signed_response_alg": (),
    "authorization_encrypted_response_alg": (),
    "authorization_encrypted_response_enc": (),
    "request_object_encryption_alg": (),
    "request_object_encryption_enc": (),
    "require_signed_request_object": (False,),
    "tls_client_certificate_bound_access_tokens": (False,),
    "tls_client_auth_subject_dn": (),
    "frontchannel_logout_uri": (),
    "default_max_age": (),
    "default_acr_values": ([],),
    "token_endpoint_auth_signing_alg": ALGORITHMS,
}


def read(given: Given, name: str, kind: type, default: T) -> Any | T:
    value = given.get(name, default)
    if value is not default and not isinstance(value, kind):
        raise InvalidClientMetadata(f"{name}: has the wrong type.")
    return value


def read_strings(given: Given, name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
    values: list[Any] = read(given, name, list, list(default))
    if not all(isinstance(value, str) for value in values) or len(set(values)) != len(values):
        raise InvalidClientMetadata(f"{name}: must be a list of strings without duplicates.")
    return tuple(values)


def refuse_unmet(given: Given) -> None:
    """Raises InvalidClientMetadata if a member asks for something that would protect the client, and is not done."""
    unmet = sorted(name for name, met in UNMET.items() if given.get(name) not in (None, *met))
    if unmet:
        told = "; ".join(f"{name} {_only(UNMET[name])}" for name in unmet)
        raise InvalidClientMetadata(f"This service does not do what the metadata ask for: {told}.")


def _only(met: tuple[object, ...]) -> str:
    return f"may only be {met[0]}".replace("False", "false") if met else "is not supported"


def read_one_of(given: Given, name: str, supported: tuple[str, ...], default: D) -> str | D:
    value: str | D = read(given, name, str, default)
    if value != default and value not in supported:
        raise InvalidClientMetadata(f"{name}: supported are {', '.join(supported)}.")
    return value


def read_name(given: Given) -> str:
    name: str = read(given, "client_name", str, "")
    try:
        return parse_name(name)
    except NotAName as error:
        raise InvalidClientMetadata(f"client_name: {error}.") from None


def read_scope(given: Given, default: tuple[str, ...], *, supported: tuple[str, ...]) -> tuple[str, ...]:
    scope: str | None = read(given, "scope", str, None)
    try:
        return default if scope is None else scopes.parse(scope, supported) if scope else ()
    except OAuthError:
        raise InvalidClientMetadata(f"scope: supported are {', '.join(supported)}.") from None


def read_redirect_uris(given: Given, name: str, *, is_public: bool) -> tuple[str, ...]:
    """Raises InvalidClientMetadata or InvalidRedirectUri."""
    uris = read_strings(given, name)
    if len(uris) > MAX_REDIRECT_URIS:
        raise InvalidRedirectUri(f"At most {MAX_REDIRECT_URIS} {name}.")
    for uri in uris:
        check_redirect_uri(uri, allows_private_use=is_public)
    return uris


def read_https_uri(given: Given, name: str) -> str | None:
    return _read_uri(given, name, _HTTPS)


def is_https_uri(text: str) -> bool:
    """Whether `read_https_uri` takes it."""
    return _is_whole(text, _HTTPS)


def read_receiver(given: Given, name: str) -> str | None:
    """A URL that receives what the worker sends. http is allowed here; a setting limits it to one's own networks."""
    return _read_uri(given, name, ("https://", "http://"))


def _read_uri(given: Given, name: str, beginnings: tuple[str, ...]) -> str | None:
    uri: str | None = read(given, name, str, None)
    if uri is not None and not _is_whole(uri, beginnings):
        kinds = " or ".join(beginning.partition(":")[0] for beginning in beginnings)
        raise InvalidClientMetadata(f"{name}: must be an {kinds} URI without user and fragment.")
    return uri


def _is_whole(uri: str, beginnings: tuple[str, ...]) -> bool:
    """Length and characters are checked first: `urlsplit` normalizes a host that is not ASCII, at great cost."""
    if len(uri) > URI_MAX_LENGTH or not uri.startswith(beginnings) or not _URI.fullmatch(uri):
        return False
    try:
        parts = urlsplit(uri)
        return bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        return False


def read_default_resource(given: Given, resources: Resources) -> str | None:
    resource: str | None = read(given, "default_resource", str, None)
    if resource is not None and not resources.knows(resource):
        raise _unknown("default_resource", resources, resources.issuer)
    return resource


def read_protected_resources(given: Given, resources: Resources) -> tuple[str, ...]:
    """The APIs of a resource server: one as a string, or a list."""
    value = given.get("protected_resource")
    named = (value,) if isinstance(value, str) else read_strings(given, "protected_resource")
    if not all(resources.find(each) is not None for each in named):
        raise _unknown("protected_resource", resources)
    return named


def _unknown(name: str, resources: Resources, *further: str) -> InvalidClientMetadata:
    known = [*further, *(each.resource for each in resources.registered)]
    return InvalidClientMetadata(f"{name}: known are {', '.join(known) or 'none; register the API first'}.")


def tuple_of(value: object) -> tuple[str, ...]:
    """The values of a stored member that is absent, a string or a list."""
    return () if value is None else (value,) if isinstance(value, str) else tuple(value)  # type: ignore[arg-type]  # JSON


def one_or_list(values: tuple[str, ...]) -> str | list[str] | None:
    return None if not values else values[0] if len(values) == 1 else list(values)
