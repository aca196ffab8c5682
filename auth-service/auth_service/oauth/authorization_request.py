"""Authorization requests (RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect Core §3.1.2.1) as values.

`find_target` reads the redirect_uri, response_mode and state first: they decide where a response may go. An error in
any other parameter is then sent there.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from . import audiences, claims_parameter
from . import authorization_parameters as members_of
from .audiences import Resources
from .claims_parameter import RequestedClaims
from .client_metadata import ClientMetadata
from .errors import InvalidRequest, UnauthorizedClient, UnsupportedResponseType
from .metadata_values import AUTHORIZATION_CODE, CODE
from .parameters import Parameters
from .redirect_uri import is_registered

QUERY, FORM_POST = "query", "form_post"
ON_PAGE = "page"  # the response mode of a device's request: it ends at a page of ours, and the device polls
RESPONSE_MODES = (QUERY, FORM_POST)
_NEWER = ("dpop_jkt", "device", "ui_locales")


@dataclass(frozen=True)
class Target:
    """Where the response goes, and in which response mode."""

    redirect_uri: str
    response_mode: str
    state: str | None


@dataclass(frozen=True)
class Device:
    """The device that an authorization request comes from (RFC 8628). It polls, so nothing is redirected."""

    code_hash: str  # of its device code
    address: str  # as this service has seen it
    begun_at: int  # seconds since 1970


@dataclass(frozen=True)
class AuthorizationRequest:
    """A checked authorization request. Every member is JSON-compatible, so that it can be stored."""

    client_id: str
    redirect_uri: str
    response_mode: str
    state: str | None
    scope: tuple[str, ...]
    resource: str  # the audiences that it is for, separated by spaces
    code_challenge: str | None
    nonce: str | None
    prompt: tuple[str, ...]
    max_age: int | None
    login_hint: str | None
    acr_values: tuple[str, ...]
    claims: str | None  # canonical JSON
    subject: str | None = None  # the account id that the id_token_hint or the claim `sub` names
    dpop_jkt: str | None = None  # the thumbprint of the key that the code is bound to (RFC 9449 §10)
    device: Device | None = None
    ui_locales: str | None = None

    @property
    def target(self) -> Target:
        return Target(self.redirect_uri, self.response_mode, self.state)

    @property
    def audiences(self) -> tuple[str, ...]:
        return tuple(self.resource.split())

    @property
    def requested_claims(self) -> RequestedClaims:
        return RequestedClaims({}) if self.claims is None else claims_parameter.parse(self.claims)

    def render(self) -> str:
        """JSON for the store; `restore` reads it. Members that older versions do not know are left out if None."""
        members = {**vars(self), "device": None if self.device is None else vars(self.device)}
        return json.dumps({name: value for name, value in members.items() if name not in _NEWER or value is not None})

    @classmethod
    def restore(cls, text: str) -> Self:
        stored: dict[str, Any] = json.loads(text)
        members: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in stored.items()}
        if members.get("device") is not None:
            members["device"] = Device(**members["device"])
        return cls(**members)


def find_target(parameters: Parameters, client: ClientMetadata) -> Target | None:
    """Where to send the response, or None if the request has no registered redirect_uri.

    Its `state` is the request's, exactly: no error may be sent without it (RFC 6749 §4.1.2.1).

    The parameter is required even if only one URI is registered (OpenID Connect Core §3.1.2.1). An unsupported
    response_mode is refused through the query, the default mode.
    """
    redirect_uri = parameters.get("redirect_uri")
    if redirect_uri is None or not is_registered(redirect_uri, client.redirect_uris):
        return None
    mode = parameters.get("response_mode")
    return Target(redirect_uri, mode if mode in RESPONSE_MODES else QUERY, parameters.get("state"))


def read(
    parameters: Parameters,
    repeated: frozenset[str],
    *,
    client_id: str,
    client: ClientMetadata,
    target: Target,
    resources: Resources,
    scopes: Sequence[str],
) -> AuthorizationRequest:
    """Check the request of a client whose redirect_uri `find_target` has accepted.

    Args:
        scopes: those that are known to the client; others are ignored.

    Raises:
        OAuthError: to be sent to the client at `target`.
    """
    members_of.check_form(parameters, repeated)
    if parameters.require("response_type") != CODE:
        raise UnsupportedResponseType("The response_type must be code.")
    if AUTHORIZATION_CODE not in client.grant_types:
        raise UnauthorizedClient(f"This client is not registered for the grant type {AUTHORIZATION_CODE}.")
    if parameters.get("response_mode") not in (None, *RESPONSE_MODES):
        raise InvalidRequest("The response_mode must be query or form_post.")
    claims = parameters.get("claims")
    requested = RequestedClaims({}) if claims is None else claims_parameter.parse(claims).within(client.scope)
    scope = members_of.read_scope(parameters, client, scopes)
    may = resources.open_to(client.scope, client.default_resource)
    asked = parameters.all("resource")
    return AuthorizationRequest(
        client_id=client_id,
        redirect_uri=target.redirect_uri,
        response_mode=target.response_mode,
        state=target.state,
        scope=scope,
        resource=" ".join(audiences.grant(resources, asked, scope, may=may, default=client.default_resource)),
        code_challenge=members_of.read_code_challenge(parameters, client, scope),
        nonce=parameters.get("nonce"),
        prompt=members_of.read_prompt(parameters),
        max_age=members_of.read_max_age(parameters),
        login_hint=parameters.get("login_hint"),
        acr_values=tuple((parameters.get("acr_values") or "").split()),
        claims=None if claims is None else requested.render(),
        subject=members_of.read_subject(requested),
        dpop_jkt=members_of.read_dpop_jkt(parameters),
        ui_locales=parameters.get("ui_locales"),
    )
