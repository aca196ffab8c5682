"""Authorization requests (RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect Core §3.1.2.1) as values.

What decides where an answer may go is read first (`find_target`); everything else may then be wrong, and is refused by
an answer that goes there.
"""

import json
import re
from dataclasses import asdict, dataclass
from typing import Any, Self

from . import claims_parameter, resources
from . import scope as scopes
from .claims_parameter import RequestedClaims
from .client_metadata import AUTHORIZATION_CODE, ClientMetadata
from .errors import (
    InvalidRequest,
    InvalidScope,
    RegistrationNotSupported,
    RequestNotSupported,
    RequestUriNotSupported,
    UnauthorizedClient,
    UnsupportedResponseType,
)
from .parameters import Parameters
from .redirect_uri import is_registered

QUERY, FORM_POST = "query", "form_post"
RESPONSE_MODES = (QUERY, FORM_POST)
RESPONSE_TYPE = "code"
NONE, LOGIN, CONSENT, SELECT_ACCOUNT = "none", "login", "consent", "select_account"
PROMPTS = (NONE, LOGIN, CONSENT, SELECT_ACCOUNT)
S256 = "S256"
MAX_LENGTH = 2048  # of one parameter
MAX_AGE_LIMIT = 2**31
BOUNDED = ("state", "nonce", "login_hint", "acr_values", "prompt", "display", "ui_locales")
UNSUPPORTED = {
    "request": RequestNotSupported,
    "request_uri": RequestUriNotSupported,
    "registration": RegistrationNotSupported,
}
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")  # 256 bits in base64url


@dataclass(frozen=True)
class Target:
    """Where the answer goes, and how."""

    redirect_uri: str
    response_mode: str
    state: str | None


@dataclass(frozen=True)
class AuthorizationRequest:
    """What a client asks for, checked. Everything is text, so that it can be stored as it is."""

    client_id: str
    redirect_uri: str
    response_mode: str
    state: str | None
    scope: tuple[str, ...]
    resource: str
    code_challenge: str | None
    nonce: str | None
    prompt: tuple[str, ...]
    max_age: int | None
    login_hint: str | None
    acr_values: tuple[str, ...]
    claims: str | None  # canonical JSON
    subject: str | None = None  # whom an id_token_hint, or the claim `sub`, names

    @property
    def target(self) -> Target:
        return Target(self.redirect_uri, self.response_mode, self.state)

    @property
    def requested_claims(self) -> RequestedClaims:
        return RequestedClaims({}) if self.claims is None else claims_parameter.parse(self.claims)

    def render(self) -> str:
        """JSON for the store; `restore` takes it again."""
        return json.dumps(asdict(self))

    @classmethod
    def restore(cls, text: str) -> Self:
        stored: dict[str, Any] = json.loads(text)
        members: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in stored.items()}
        return cls(**members)


def find_target(parameters: Parameters, client: ClientMetadata) -> Target | None:
    """Where to answer; None when the request names no redirect_uri that is registered.

    It has to be named (OpenID Connect Core §3.1.2.1) even if there is only one. A response mode that we do not have is
    refused in the way that everybody has; a state too long to be kept is not sent back.
    """
    redirect_uri = parameters.get("redirect_uri")
    if redirect_uri is None or not is_registered(redirect_uri, client.redirect_uris):
        return None
    mode, state = parameters.get("response_mode"), parameters.get("state")
    return Target(
        redirect_uri,
        mode if mode in RESPONSE_MODES else QUERY,
        state if state is not None and len(state) <= MAX_LENGTH else None,
    )


def read(
    parameters: Parameters,
    repeated: frozenset[str],
    *,
    client_id: str,
    client: ClientMetadata,
    target: Target,
    issuer: str,
) -> AuthorizationRequest:
    """Check the request of a client whose redirect_uri is known to be good.

    Raises:
        OAuthError: for the client.
    """
    _check_form(parameters, repeated)
    if parameters.require("response_type") != RESPONSE_TYPE:
        raise UnsupportedResponseType("The response_type supported is code.")
    if AUTHORIZATION_CODE not in client.grant_types:
        raise UnauthorizedClient("This client may not use this grant type.")
    if parameters.get("response_mode") not in (None, *RESPONSE_MODES):
        raise InvalidRequest("The response modes supported are query and form_post.")
    claims = parameters.get("claims")
    requested = RequestedClaims({}) if claims is None else claims_parameter.parse(claims)
    return AuthorizationRequest(
        client_id=client_id,
        redirect_uri=target.redirect_uri,
        response_mode=target.response_mode,
        state=target.state,
        scope=_scope(parameters, client),
        resource=resources.choose(parameters.all("resource"), default=client.default_resource, issuer=issuer),
        code_challenge=_code_challenge(parameters, client),
        nonce=parameters.get("nonce"),
        prompt=_prompt(parameters),
        max_age=_max_age(parameters),
        login_hint=parameters.get("login_hint"),
        acr_values=tuple((parameters.get("acr_values") or "").split()),
        claims=None if claims is None else requested.render(),
        subject=_subject(requested),
    )


def _check_form(parameters: Parameters, repeated: frozenset[str]) -> None:
    if repeated:
        raise InvalidRequest("A parameter is repeated.", reason=f"repeated: {min(repeated)[:40]!r}")
    for name, refusal in UNSUPPORTED.items():
        if parameters.get(name) is not None:
            raise refusal(f"The parameter {name} is not supported.")
    limits = dict.fromkeys(BOUNDED, MAX_LENGTH) | {"claims": claims_parameter.MAX_LENGTH}
    for name, limit in limits.items():
        if len(parameters.get(name) or "") > limit:
            raise InvalidRequest(f"The parameter {name} is too long.")


def _scope(parameters: Parameters, client: ClientMetadata) -> tuple[str, ...]:
    """What is asked for, as far as anybody here knows it (RFC 6749 §3.3, OpenID Connect Core §3.1.2.1).

    A scope that does not exist here is ignored, as OpenID Connect asks; the token response names what was given. One
    that exists, and that the client is not registered for, is refused: it is a mistake that somebody should hear of.
    """
    asked = parameters.get("scope")
    if asked is None:
        raise InvalidScope("The parameter scope is missing.")
    known = scopes.parse_known(asked)
    if not known:
        raise InvalidScope("None of the scope is known here.")
    return scopes.narrow(client.scope, " ".join(known))


def _code_challenge(parameters: Parameters, client: ClientMetadata) -> str | None:
    """RFC 7636 §4.3 and §4.4.1, with S256 alone: `plain` would show the verifier to whoever sees the request."""
    challenge, method = parameters.get("code_challenge"), parameters.get("code_challenge_method")
    if challenge is None:
        if client.require_pkce or client.is_public:
            raise InvalidRequest("A code_challenge is required.")
        if method is not None:
            raise InvalidRequest("There is a code_challenge_method, and no code_challenge.")
        return None
    if method != S256:
        raise InvalidRequest("The code_challenge_method supported is S256.")
    if not _CHALLENGE.fullmatch(challenge):
        raise InvalidRequest("The code_challenge is not a SHA-256 in base64url.")
    return challenge


def _prompt(parameters: Parameters) -> tuple[str, ...]:
    asked = (parameters.get("prompt") or "").split()
    if not set(asked) <= set(PROMPTS) or (NONE in asked and len(set(asked)) > 1):
        raise InvalidRequest("The prompt is unknown, or none together with others.")
    return tuple(prompt for prompt in PROMPTS if prompt in asked)


def _max_age(parameters: Parameters) -> int | None:
    text = parameters.get("max_age")
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) >= MAX_AGE_LIMIT:
        raise InvalidRequest("The max_age is no number of seconds.")
    return int(text)


def _subject(requested: RequestedClaims) -> str | None:
    """The one person whom the claim `sub` asks for (OpenID Connect Core §5.5.1)."""
    accepted = requested.accepted_values("sub")
    if not accepted:
        return None
    if len(accepted) > 1 or not isinstance(accepted[0], str):
        raise InvalidRequest("The parameter claims asks for more than one sub.")
    return accepted[0]
