"""Client metadata (RFC 7591 §2) as a value, with the extra members that only an operator may set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

from . import metadata_combinations
from . import metadata_members as members_of
from . import scope as scopes
from .algorithms import ALGORITHMS, SIGNED_RESPONSE_ALG, USERINFO_ALG
from .audiences import Resources
from .errors import InvalidClientMetadata
from .fapi2 import FAPI2, apply_profile
from .metadata_values import (
    AUTH_METHODS,
    CLIENT_SECRET_BASIC,
    DPOP_BOUND,
    FOR_PEOPLE,
    MINIMAL,
    NONE,
    PUSHED_REQUIRED,
    REQUEST_ALG,
    SECOND_FACTOR_REQUIRED,
    SECRET_METHODS,
    TOKEN_ENDPOINT,
    WORKLOAD_JWT,
)
from .shown_members import LINKS, LOGO_URI, read_links, read_logo
from .token_exchange import ExchangeRule, read_rules
from .workload_identity import Workload
from .workload_identity import read as read_workload

# Members that are written and read back as they are, and are absent when None.
_AS_GIVEN = (
    *("jwks", "jwks_uri", "default_resource", "event_endpoint", "require_pkce", "assertion_audience"),
    *("id_token_claims", "backchannel_logout_uri", "backchannel_logout_session_required", SIGNED_RESPONSE_ALG),
    *(PUSHED_REQUIRED, DPOP_BOUND, REQUEST_ALG, SECOND_FACTOR_REQUIRED, "profile", USERINFO_ALG, *LINKS, LOGO_URI),
)


@dataclass(frozen=True)
class ClientMetadata:
    """The checked registration of a client, with the defaults filled in."""

    client_name: str
    grant_types: tuple[str, ...]
    response_types: tuple[str, ...]
    token_endpoint_auth_method: str
    scope: tuple[str, ...]
    redirect_uris: tuple[str, ...]
    post_logout_redirect_uris: tuple[str, ...]
    jwks: Mapping[str, Any] | None
    jwks_uri: str | None
    default_resource: str | None
    protected_resource: tuple[str, ...]  # if the client is a resource server: the APIs whose tokens it may introspect
    event_endpoint: str | None  # the URL that receives account events (RFC 8935)
    require_pkce: bool | None  # True: a code_challenge; None: it, or a nonce with openid; False: neither is needed
    first_party: bool
    assertion_audience: str | None  # TOKEN_ENDPOINT: an assertion's `aud` may be that URL, too
    id_token_claims: str | None  # MINIMAL: the claims of the scopes profile and email are at userinfo only
    id_token_signed_response_alg: str | None  # of ID tokens and logout tokens; None: RS256
    userinfo_signed_response_alg: str | None  # None: userinfo is plain JSON
    backchannel_logout_uri: str | None  # the URL that receives logout tokens
    backchannel_logout_session_required: bool | None  # logout tokens have a `sid` in any case
    require_pushed_authorization_requests: bool | None  # RFC 9126 §6
    dpop_bound_access_tokens: bool | None  # RFC 9449 §5.2
    request_object_signing_alg: str | None  # of its request objects; None: it sends none (RFC 9101 §10.5)
    require_second_factor: bool | None  # its people prove a second factor, or set one up, before a code is issued
    profile: str | None  # FAPI2 (oauth/fapi2.py)
    workload: Workload | None  # whose platform token proves the client
    exchange: tuple[ExchangeRule, ...]  # where it may act for the people that call its API (RFC 8693)
    client_uri: str | None  # its website; this and the next two are links on the consent page
    policy_uri: str | None
    tos_uri: str | None
    logo_uri: str | None  # shown if it is the picture itself (shown_members.py)

    @property
    def is_fapi2(self) -> bool:
        return self.profile == FAPI2

    @property
    def uses_secret(self) -> bool:
        return self.token_endpoint_auth_method in SECRET_METHODS

    @property
    def is_public(self) -> bool:
        return self.token_endpoint_auth_method == NONE

    @property
    def insists_on_pkce(self) -> bool:
        return self.is_public or self.require_pkce is True

    def members(self) -> dict[str, Any]:
        """The metadata on the wire (RFC 7591 §3.2.1); `parse` and `restore` read it."""
        members: dict[str, Any] = {
            "client_name": self.client_name,
            "grant_types": list(self.grant_types),
            "response_types": list(self.response_types),
            "token_endpoint_auth_method": self.token_endpoint_auth_method,
            "scope": " ".join(self.scope),
            "redirect_uris": list(self.redirect_uris),
            "post_logout_redirect_uris": list(self.post_logout_redirect_uris),
            "protected_resource": members_of.one_or_list(self.protected_resource),
            "first_party": self.first_party,
            "workload": None if self.workload is None else self.workload.members(),
            "exchange": [rule.members() for rule in self.exchange] or None,
            **{name: getattr(self, name) for name in _AS_GIVEN},
        }
        return {name: value for name, value in members.items() if value is not None}

    @classmethod
    def restore(cls, members: Mapping[str, Any]) -> Self:
        """The value of `members`, without checks: they passed when the client was registered."""
        return cls(
            client_name=members["client_name"],
            grant_types=tuple(members["grant_types"]),
            response_types=tuple(members["response_types"]),
            token_endpoint_auth_method=members["token_endpoint_auth_method"],
            scope=tuple(members["scope"].split()),
            redirect_uris=tuple(members["redirect_uris"]),
            post_logout_redirect_uris=tuple(members.get("post_logout_redirect_uris", ())),
            protected_resource=members_of.tuple_of(members.get("protected_resource")),
            first_party=members["first_party"],
            workload=Workload.restore(members.get("workload")),
            exchange=tuple(ExchangeRule.restore(rule) for rule in members.get("exchange", ())),
            **{name: members.get(name) for name in _AS_GIVEN},
        )


NAMES = frozenset(ClientMetadata.__dataclass_fields__)


def parse(
    members: Mapping[str, Any],
    *,
    resources: Resources,
    supported_grant_types: Sequence[str],
    needs_grant_type: bool = True,
) -> ClientMetadata:
    """Check the metadata of one client. Unknown members and null are ignored (RFC 7591 §2).

    Members that ask for a protection which is not given here are refused (UNMET): to ignore them would leave the client
    without it, and its developer would not know. The keys in `jwks` are not checked here: that needs cryptography. A
    public client always requires PKCE, whatever its `require_pkce` says.

    Args:
        needs_grant_type: False for the client `web`, whose tokens come from its sessions.

    Raises:
        InvalidClientMetadata, InvalidRedirectUri: the description names the member.
    """
    members_of.refuse_unmet(members)
    given = apply_profile({name: value for name, value in members.items() if name in NAMES and value is not None})
    method = members_of.read_one_of(
        given, "token_endpoint_auth_method", (*AUTH_METHODS, WORKLOAD_JWT), CLIENT_SECRET_BASIC
    )
    read_redirect_uris = partial(members_of.read_redirect_uris, given, is_public=method == NONE)
    grant_types = (
        metadata_combinations.read_grant_types(given, supported_grant_types)
        if needs_grant_type
        else metadata_combinations.read_no_grant_types(given)
    )
    metadata = ClientMetadata(
        client_name=members_of.read_name(given),
        grant_types=grant_types,
        response_types=metadata_combinations.read_response_types(given, grant_types),
        token_endpoint_auth_method=method,
        scope=members_of.read_scope(
            given, scopes.DEFAULT if set(FOR_PEOPLE) & set(grant_types) else (), supported=resources.scopes
        ),
        redirect_uris=read_redirect_uris("redirect_uris"),
        post_logout_redirect_uris=read_redirect_uris("post_logout_redirect_uris"),
        jwks=members_of.read(given, "jwks", dict, None),
        jwks_uri=members_of.read_https_uri(given, "jwks_uri"),
        default_resource=members_of.read_default_resource(given, resources),
        protected_resource=members_of.read_protected_resources(given, resources),
        event_endpoint=members_of.read_receiver(given, "event_endpoint"),
        require_pkce=members_of.read(given, "require_pkce", bool, None) if method != NONE else True,
        first_party=members_of.read(given, "first_party", bool, False),
        assertion_audience=members_of.read_one_of(given, "assertion_audience", (TOKEN_ENDPOINT,), None),
        id_token_claims=members_of.read_one_of(given, "id_token_claims", (MINIMAL,), None),
        id_token_signed_response_alg=members_of.read_one_of(given, SIGNED_RESPONSE_ALG, ALGORITHMS, None),
        userinfo_signed_response_alg=members_of.read_one_of(given, USERINFO_ALG, ALGORITHMS, None),
        backchannel_logout_uri=members_of.read_receiver(given, "backchannel_logout_uri"),
        backchannel_logout_session_required=members_of.read(given, "backchannel_logout_session_required", bool, None),
        require_pushed_authorization_requests=members_of.read(given, PUSHED_REQUIRED, bool, None),
        dpop_bound_access_tokens=members_of.read(given, DPOP_BOUND, bool, None),
        request_object_signing_alg=members_of.read_one_of(given, REQUEST_ALG, ALGORITHMS, None),
        require_second_factor=members_of.read(given, SECOND_FACTOR_REQUIRED, bool, None),
        profile=given.get("profile"),
        workload=read_workload(given.get("workload"), own_issuer=resources.issuer),
        exchange=read_rules(given.get("exchange"), resources),
        logo_uri=read_logo(given),
        **read_links(given),
    )
    metadata_combinations.check(metadata)
    if metadata.require_second_factor and not needs_grant_type:
        raise InvalidClientMetadata(f"{SECOND_FACTOR_REQUIRED}: is for clients with a sign-in of their own.")
    return metadata
