"""Metadata that a client states about itself (RFC 7591 §3.1): what of it counts.

A registration endpoint may replace what it does not grant, and tells the client so in its response (§3.2.1). What only
an operator may decide is passed over: trust, introspection, receivers of events, and grants without a person.
"""

from collections.abc import Mapping
from typing import Any

from .algorithms import OF_CLIENTS
from .audiences import Resources
from .client_metadata import ClientMetadata, parse
from .errors import InvalidClientMetadata
from .metadata_members import UNMET
from .metadata_values import CODE, DPOP_BOUND, FOR_PEOPLE, PUSHED_REQUIRED, REFRESH_TOKEN, REQUEST_ALG
from .scope import ADDRESS, EMAIL, MAX_LENGTH, OFFLINE_ACCESS, OPENID, PHONE, PROFILE
from .shown_members import LINKS, of_own_host

GRANT_TYPES = (*FOR_PEOPLE, REFRESH_TOKEN)
IDENTITY = (OPENID, PROFILE, EMAIL, OFFLINE_ACCESS)
ON_REQUEST = (ADDRESS, PHONE)  # further ones, for a client that names them and is no stranger
NOT_A_STRANGERS = frozenset({"backchannel_logout_uri", "backchannel_logout_session_required"})
TAKEN = frozenset(
    {
        *("client_name", "redirect_uris", "post_logout_redirect_uris", "grant_types", "response_types", "scope"),
        *("token_endpoint_auth_method", "jwks", "jwks_uri", "id_token_claims", *OF_CLIENTS, *LINKS),
        *("backchannel_logout_uri", "backchannel_logout_session_required", PUSHED_REQUIRED, DPOP_BOUND),
        REQUEST_ALG,
    }
)


def parse_own(
    members: Mapping[str, Any], *, resources: Resources, is_stranger: bool = False, document: str | None = None
) -> ClientMetadata:
    """Check what a client states about itself. Unknown grant types, response types and scopes are passed over, and so
    are links to another host than its own.

    Without a scope it gets the identity scopes, and those of APIs that are open to any client.

    Args:
        document: the URL of its metadata document, if it has one.
        is_stranger: nobody vouches for it. It gets no other scopes than these, and receives nothing from us.

    Raises:
        InvalidClientMetadata, InvalidRedirectUri: as `client_metadata.parse`.
    """
    taken = TAKEN - NOT_A_STRANGERS if is_stranger else TAKEN
    resources = resources.for_strangers if is_stranger else resources
    given = {name: value for name, value in members.items() if name in taken or name in UNMET}
    for name, known in (("grant_types", GRANT_TYPES), ("response_types", (CODE,))):
        if name in given:
            given[name] = _known_of(given[name], known)
    given["scope"] = _scope(given.get("scope"), resources, () if is_stranger else ON_REQUEST)
    given = of_own_host(given, document, given.get("redirect_uris"))
    if members.get("require_pkce") is True:
        given["require_pkce"] = True
    receiver = given.get("backchannel_logout_uri")
    if isinstance(receiver, str) and not receiver.startswith("https://"):
        raise InvalidClientMetadata("backchannel_logout_uri: must be an https URI.")
    return parse(given, resources=resources, supported_grant_types=GRANT_TYPES)


def _known_of(value: object, known: tuple[str, ...]) -> object:
    """The known words of a list; or the value, to be refused, if there is none."""
    kept = [each for each in value if each in known] if isinstance(value, list) else []
    return kept or value


def _scope(value: object, resources: Resources, on_request: tuple[str, ...]) -> object:
    if value is None:
        default = " ".join([*IDENTITY, *(scope for api in resources.registered if api.is_open for scope in api.scopes)])
        return default if len(default) <= MAX_LENGTH else " ".join(IDENTITY)
    if not isinstance(value, str):
        return value  # to be refused
    allowed = {*IDENTITY, *on_request, *(scope for each in resources.registered for scope in each.scopes)}
    return " ".join(word for word in value.split(" ") if word in allowed)
