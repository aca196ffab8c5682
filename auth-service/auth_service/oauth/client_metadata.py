"""Client metadata (RFC 7591 §2) as a value, with what only an operator may say about a client (DESIGN section 8)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

from . import scope as scopes
from .errors import InvalidClientMetadata, InvalidRedirectUri, OAuthError
from .redirect_uri import check_redirect_uri
from .resources import known_resources

CLIENT_CREDENTIALS = "client_credentials"
GRANT_TYPES = (CLIENT_CREDENTIALS,)

CLIENT_SECRET_BASIC, CLIENT_SECRET_POST = "client_secret_basic", "client_secret_post"
PRIVATE_KEY_JWT = "private_key_jwt"
SECRET_METHODS = (CLIENT_SECRET_BASIC, CLIENT_SECRET_POST)
AUTH_METHODS = (*SECRET_METHODS, PRIVATE_KEY_JWT)

NAME_MAX_LENGTH = 256
URI_MAX_LENGTH = 2048
MAX_REDIRECT_URIS = 32
_URI = re.compile(r"[\x21\x24-\x3b\x3d\x3f-\x5b\x5d\x5f\x61-\x7a\x7e]+")  # no quotes, brackets, backslash, fragment

T = TypeVar("T")


@dataclass(frozen=True)
class ClientMetadata:
    """What is registered about a client, checked; what it leaves out has its default here."""

    client_name: str
    grant_types: tuple[str, ...]
    token_endpoint_auth_method: str
    scope: tuple[str, ...]
    redirect_uris: tuple[str, ...]
    jwks: Mapping[str, Any] | None
    jwks_uri: str | None
    default_resource: str | None
    require_pkce: bool
    first_party: bool

    @property
    def uses_secret(self) -> bool:
        return self.token_endpoint_auth_method in SECRET_METHODS

    def members(self) -> dict[str, Any]:
        """The metadata on the wire (RFC 7591 §3.2.1); `parse` takes it again."""
        members: dict[str, Any] = {
            "client_name": self.client_name,
            "grant_types": list(self.grant_types),
            "response_types": [],  # left out it would mean `code` (RFC 7591 §2)
            "token_endpoint_auth_method": self.token_endpoint_auth_method,
            "scope": " ".join(self.scope),
            "redirect_uris": list(self.redirect_uris),
            "jwks": self.jwks,
            "jwks_uri": self.jwks_uri,
            "default_resource": self.default_resource,
            "require_pkce": self.require_pkce,
            "first_party": self.first_party,
        }
        return {name: value for name, value in members.items() if value is not None}

    @classmethod
    def restore(cls, members: Mapping[str, Any]) -> Self:
        """What `members` made, without checking it again: it was right when it was registered."""
        return cls(
            client_name=members["client_name"],
            grant_types=tuple(members["grant_types"]),
            token_endpoint_auth_method=members["token_endpoint_auth_method"],
            scope=tuple(members["scope"].split()),
            redirect_uris=tuple(members["redirect_uris"]),
            jwks=members.get("jwks"),
            jwks_uri=members.get("jwks_uri"),
            default_resource=members.get("default_resource"),
            require_pkce=members["require_pkce"],
            first_party=members["first_party"],
        )


NAMES = frozenset(ClientMetadata.__dataclass_fields__) | {"response_types"}


def parse(members: Mapping[str, Any], *, issuer: str) -> ClientMetadata:
    """Check the metadata of one client. Unknown members are ignored (RFC 7591 §2); null is as good as absent.

    The keys of `jwks` are looked at by who can read keys.

    Raises:
        InvalidClientMetadata, InvalidRedirectUri: with the member's name.
    """
    given = {name: value for name, value in members.items() if name in NAMES and value is not None}
    method = _one_of(given, "token_endpoint_auth_method", AUTH_METHODS, CLIENT_SECRET_BASIC)
    if _member(given, "response_types", list, []):
        raise InvalidClientMetadata("response_types: there is no authorization endpoint yet; leave it out.")
    metadata = ClientMetadata(
        client_name=_name(given),
        grant_types=_grant_types(given),
        token_endpoint_auth_method=method,
        scope=_scope(given),
        redirect_uris=_redirect_uris(given),
        jwks=_member(given, "jwks", dict, None),
        jwks_uri=_https_uri(given, "jwks_uri"),
        default_resource=_resource(given, issuer),
        require_pkce=_member(given, "require_pkce", bool, True),
        first_party=_member(given, "first_party", bool, False),
    )
    _check_keys(metadata)
    return metadata


def _member(given: Mapping[str, Any], name: str, kind: type, default: T) -> Any | T:
    value = given.get(name, default)
    if value is not default and not isinstance(value, kind):
        raise InvalidClientMetadata(f"{name}: of the wrong type.")
    return value


def _strings(given: Mapping[str, Any], name: str) -> tuple[str, ...]:
    values: list[Any] = _member(given, name, list, [])
    if not all(isinstance(value, str) for value in values) or len(set(values)) != len(values):
        raise InvalidClientMetadata(f"{name}: a list of different strings is expected.")
    return tuple(values)


def _one_of(given: Mapping[str, Any], name: str, supported: tuple[str, ...], default: str) -> str:
    value: str = _member(given, name, str, default)
    if value not in supported:
        raise InvalidClientMetadata(f"{name}: supported are {', '.join(supported)}.")
    return value


def _name(given: Mapping[str, Any]) -> str:
    name: str = _member(given, "client_name", str, "")
    if len(name) > NAME_MAX_LENGTH or not name.isprintable():
        raise InvalidClientMetadata(f"client_name: at most {NAME_MAX_LENGTH} printable characters.")
    return name


def _grant_types(given: Mapping[str, Any]) -> tuple[str, ...]:
    """Left out it means authorization_code (RFC 7591 §2), which is not to be had: a client for nothing is refused."""
    grant_types = _strings(given, "grant_types")
    if not grant_types or not set(grant_types) <= set(GRANT_TYPES):
        raise InvalidClientMetadata(f"grant_types: name what is supported: {', '.join(GRANT_TYPES)}.")
    return grant_types


def _scope(given: Mapping[str, Any]) -> tuple[str, ...]:
    scope: str = _member(given, "scope", str, "")
    try:
        return scopes.parse(scope) if scope else ()
    except OAuthError:
        raise InvalidClientMetadata(f"scope: supported are {', '.join(scopes.SUPPORTED)}.") from None


def _redirect_uris(given: Mapping[str, Any]) -> tuple[str, ...]:
    uris = _strings(given, "redirect_uris")
    if len(uris) > MAX_REDIRECT_URIS:
        raise InvalidRedirectUri(f"At most {MAX_REDIRECT_URIS} redirect_uris.")
    for uri in uris:
        check_redirect_uri(uri)
    return uris


def _https_uri(given: Mapping[str, Any], name: str) -> str | None:
    uri: str | None = _member(given, name, str, None)
    if uri is None:
        return None
    try:
        parts = urlsplit(uri)
        is_whole = bool(parts.hostname) and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        is_whole = False
    if not is_whole or not uri.startswith("https://") or len(uri) > URI_MAX_LENGTH or not _URI.fullmatch(uri):
        raise InvalidClientMetadata(f"{name}: an https URI without user and fragment is expected.")
    return uri


def _resource(given: Mapping[str, Any], issuer: str) -> str | None:
    resource: str | None = _member(given, "default_resource", str, None)
    if resource is not None and resource not in known_resources(issuer):
        raise InvalidClientMetadata(f"default_resource: known are {', '.join(known_resources(issuer))}.")
    return resource


def _check_keys(metadata: ClientMetadata) -> None:
    """RFC 7591 §2: `jwks` and `jwks_uri` exclude each other; private_key_jwt needs one of them."""
    if metadata.jwks is not None and metadata.jwks_uri is not None:
        raise InvalidClientMetadata("jwks and jwks_uri exclude each other.")
    if not metadata.uses_secret and metadata.jwks is None and metadata.jwks_uri is None:
        raise InvalidClientMetadata("private_key_jwt needs jwks or jwks_uri.")
