"""The parameters of an authorization request, each read and checked by itself."""

import re
from collections.abc import Collection, Sequence

from . import claims_parameter, dpop_proof, pkce
from . import scope as scopes
from .claims_parameter import RequestedClaims
from .client_metadata import ClientMetadata
from .errors import (
    InvalidRequest,
    InvalidScope,
    RegistrationNotSupported,
    RequestNotSupported,
    RequestUriNotSupported,
)
from .parameters import Parameters

NONE, LOGIN, CONSENT, SELECT_ACCOUNT = "none", "login", "consent", "select_account"
PROMPTS = (NONE, LOGIN, CONSENT, SELECT_ACCOUNT)
MAX_LENGTH = 2048  # octets of one parameter
STATE_MAX_LENGTH = 8192  # octets; it returns in a Location header, where escaping can triple its length
MAX_AGE_LIMIT = 2**31
LIMITS = dict.fromkeys(("prompt", "display", "ui_locales"), MAX_LENGTH) | {
    "nonce": 1024,
    "login_hint": 512,
    "acr_values": 512,
    "claims": claims_parameter.MAX_LENGTH,
}
UNSUPPORTED = {
    "request": RequestNotSupported,
    "request_uri": RequestUriNotSupported,
    "registration": RegistrationNotSupported,
}


def fits(value: str | None, limit: int = MAX_LENGTH) -> bool:
    return value is None or len(value.encode()) <= limit


def check_form(parameters: Parameters, repeated: frozenset[str]) -> None:
    if repeated:
        raise InvalidRequest("A parameter is repeated.", reason=f"repeated: {min(repeated)[:40]!r}")
    for name, refusal in UNSUPPORTED.items():
        if parameters.get(name) is not None:
            raise refusal(f"The parameter {name} is not supported.")
    for name, limit in LIMITS.items():
        if not fits(parameters.get(name), limit):
            raise InvalidRequest(f"The parameter {name} is too long.")


def read_scope(parameters: Parameters, client: ClientMetadata, supported: Sequence[str]) -> tuple[str, ...]:
    """The requested scope tokens that are supported (RFC 6749 §3.3, OpenID Connect Core §3.1.2.1).

    An unknown scope token is ignored, as OpenID Connect requires; the token response names the granted scope. A known
    token that the client is not registered for is refused, so that its developer notices the mistake.
    """
    asked = parameters.get("scope")
    if asked is None:
        raise InvalidScope("The parameter scope is missing.")
    known = scopes.parse_known(asked, supported)
    if not known:
        raise InvalidScope("The scope holds no supported value.")
    return scopes.narrow(client.scope, " ".join(known))


def read_code_challenge(parameters: Parameters, client: ClientMetadata, scope: Collection[str]) -> str | None:
    """RFC 7636 §4.3 and §4.4.1. Only S256: with `plain`, anyone who sees the request sees the verifier.

    A client that authenticates may send a `nonce` with `openid` instead: it protects against a stolen code as well
    (RFC 9700 §2.1.1), and many OpenID Connect libraries send nothing else.
    """
    challenge, method = parameters.get("code_challenge"), parameters.get("code_challenge_method")
    if challenge is None:
        if client.insists_on_pkce:
            raise InvalidRequest("A code_challenge is required (PKCE, S256).")
        has_nonce = scopes.OPENID in scope and parameters.get("nonce") is not None
        if client.require_pkce is None and not has_nonce:
            raise InvalidRequest("A code_challenge (PKCE, S256) is required, or a nonce with the scope openid.")
        if method is not None:
            raise InvalidRequest("A code_challenge_method is sent without a code_challenge.")
        return None
    if method != pkce.S256:
        raise InvalidRequest("The code_challenge_method must be S256.")
    if not pkce.is_challenge(challenge):
        raise InvalidRequest("The code_challenge is not a SHA-256 hash in base64url.")
    return challenge


def read_dpop_jkt(parameters: Parameters) -> str | None:
    jkt = parameters.get("dpop_jkt")
    if jkt is not None and not dpop_proof.is_jkt(jkt):
        raise InvalidRequest("The dpop_jkt is not the SHA-256 thumbprint of a key in base64url.")
    return jkt


def read_prompt(parameters: Parameters) -> tuple[str, ...]:
    asked = (parameters.get("prompt") or "").split()
    if not set(asked) <= set(PROMPTS) or (NONE in asked and len(set(asked)) > 1):
        raise InvalidRequest("The prompt holds an unknown value, or none together with others.")
    return tuple(prompt for prompt in PROMPTS if prompt in asked)


def read_max_age(parameters: Parameters) -> int | None:
    text = parameters.get("max_age")
    if text is None:
        return None
    if not re.fullmatch(r"[0-9]{1,10}", text) or int(text) >= MAX_AGE_LIMIT:
        raise InvalidRequest(f"The max_age is not a number of seconds below {MAX_AGE_LIMIT}.")
    return int(text)


def read_subject(requested: RequestedClaims) -> str | None:
    """The account id that the claim `sub` requests, or None (OpenID Connect Core §5.5.1)."""
    accepted = requested.accepted_values("sub")
    if not accepted:
        return None
    if len(accepted) > 1 or not isinstance(accepted[0], str):
        raise InvalidRequest("The parameter claims asks for more than one sub.")
    if not accepted[0].isprintable():  # PostgreSQL refuses NUL
        raise InvalidRequest("The parameter claims asks for a sub that is not printable.")
    return accepted[0]
