"""The members of client metadata (RFC 7591 §2), each read and checked by itself."""

import re
from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import urlsplit

from . import scope as scopes
from .errors import InvalidClientMetadata, InvalidRedirectUri, OAuthError
from .names import NotAName, parse_name
from .redirect_uri import check_redirect_uri
from .resources import known_resources, protected_resources

URI_MAX_LENGTH = 2048
MAX_REDIRECT_URIS = 32
_URI = re.compile(r"[\x21\x24-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]+")  # no quotes, <>, backslash or #

Given = Mapping[str, Any]
T = TypeVar("T")


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


def read_one_of(given: Given, name: str, supported: tuple[str, ...], default: str) -> str:
    value: str = read(given, name, str, default)
    if value not in supported:
        raise InvalidClientMetadata(f"{name}: supported are {', '.join(supported)}.")
    return value


def read_name(given: Given) -> str:
    name: str = read(given, "client_name", str, "")
    try:
        return parse_name(name)
    except NotAName as error:
        raise InvalidClientMetadata(f"client_name: {error}.") from None


def read_scope(given: Given, default: tuple[str, ...]) -> tuple[str, ...]:
    scope: str | None = read(given, "scope", str, None)
    try:
        return default if scope is None else scopes.parse(scope) if scope else ()
    except OAuthError:
        raise InvalidClientMetadata(f"scope: supported are {', '.join(scopes.SUPPORTED)}.") from None


def read_redirect_uris(given: Given, name: str) -> tuple[str, ...]:
    """Raises InvalidClientMetadata or InvalidRedirectUri."""
    uris = read_strings(given, name)
    if len(uris) > MAX_REDIRECT_URIS:
        raise InvalidRedirectUri(f"At most {MAX_REDIRECT_URIS} {name}.")
    for uri in uris:
        check_redirect_uri(uri)
    return uris


def read_https_uri(given: Given, name: str) -> str | None:
    return _read_uri(given, name, ("https://",))


def read_event_endpoint(given: Given) -> str | None:
    """The URL that receives account events. http is allowed here; a setting limits it to one's own networks."""
    return _read_uri(given, "event_endpoint", ("https://", "http://"))


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


def read_default_resource(given: Given, issuer: str) -> str | None:
    return _read_resource(given, "default_resource", known_resources(issuer))


def read_protected_resource(given: Given, issuer: str) -> str | None:
    return _read_resource(given, "protected_resource", protected_resources(issuer))


def _read_resource(given: Given, name: str, known: tuple[str, ...]) -> str | None:
    resource: str | None = read(given, name, str, None)
    if resource is not None and resource not in known:
        raise InvalidClientMetadata(f"{name}: known are {', '.join(known)}.")
    return resource
